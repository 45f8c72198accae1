/** The vocabularies that belong to no provider: those of the networks and schemes, and two that stand above all providers. */
import { ACH } from './ach';
import { AMEX } from './amex';
import { BACS } from './bacs';
import { BECS } from './becs';
import { HYPERSWITCH_GSM } from './hyperswitch-gsm';
import { MASTERCARD } from './mastercard';
import { MASTERCARD_MAC } from './mastercard-mac';
import type { CodeTable } from './meaning';
import { SEPA } from './sepa';
import { TRANSPORT } from './transport';
import { VISA } from './visa';

/** By the name that `CodeRef.vocabulary` gives it. */
export const VOCABULARIES: Readonly<Record<string, CodeTable>> = {
  visa: VISA,
  mastercard: MASTERCARD,
  mastercard_mac: MASTERCARD_MAC,
  amex: AMEX,
  ach: ACH,
  sepa: SEPA,
  bacs: BACS,
  becs: BECS,
  transport: TRANSPORT,
  hyperswitch_gsm: HYPERSWITCH_GSM,
};
