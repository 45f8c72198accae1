import type { DeclineCodes } from '../../../domain/recovery/decline';

/** The codes of a decline, those left out not given. */
export const codesOf = (given: Partial<DeclineCodes>): DeclineCodes => ({
  cardBrand: null,
  cardCountry: null,
  methodType: null,
  networkAdviceCode: null,
  networkDeclineCode: null,
  adviceCode: null,
  declineCode: null,
  failureCode: null,
  outcomeType: null,
  ...given,
});
