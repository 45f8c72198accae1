/** What a campaign would do, as people and programs read it. */
import { EXCLUSIONS, type Exclusion } from '../domain/recovery/fitness';
import type { Assessment } from '../domain/recovery/selection';
import { countOf, formatMinor } from '../domain/words';
import { formatCount, renderTable, type Paint } from './output';

export const assessmentJson = (assessment: Assessment) => ({
  invoices: assessment.invoices,
  cases: assessment.fit,
  heldOut: assessment.heldOut,
  alreadyCases: assessment.taken,
  groups: assessment.groups.map(({ declineClass, ...group }) => ({
    ...group,
    class: declineClass,
  })),
  currencies: byCurrency(assessment),
  excluded: exclusionsOf(assessment).map(([reason, because, invoices]) => ({
    reason,
    because,
    invoices,
  })),
  unmappedCodes: Object.entries(assessment.unmapped).map(([code, times]) => ({ code, times })),
});

const exclusionsOf = ({ excluded }: Assessment): [Exclusion, string, number][] =>
  (Object.keys(EXCLUSIONS) as Exclusion[]).flatMap((name): [Exclusion, string, number][] =>
    excluded[name] === undefined ? [] : [[name, EXCLUSIONS[name], excluded[name]]],
  );

function byCurrency({ groups }: Assessment) {
  const sums = new Map<string, { exponent: number; cases: number; amountMinor: bigint }>();
  for (const { currency, exponent, cases, amountMinor } of groups) {
    const sum = sums.get(currency) ?? { exponent, cases: 0, amountMinor: 0n };
    sums.set(currency, {
      exponent,
      cases: sum.cases + cases,
      amountMinor: sum.amountMinor + amountMinor,
    });
  }
  return [...sums].map(([currency, sum]) => ({ currency, ...sum }));
}

export function renderAssessment(
  assessment: Assessment,
  look: { readonly paint: Paint; readonly width: number },
): string {
  const { invoices, fit, heldOut, taken, groups, unmapped } = assessment;
  const totals = byCurrency(assessment).map(({ currency, exponent, cases, amountMinor }) => [
    look.paint.bold(currency),
    look.paint.bold('all'),
    look.paint.bold(formatCount(cases)),
    '',
    look.paint.bold(formatMinor(amountMinor, exponent)),
  ]);
  const rows = groups.map((group) => [
    group.currency,
    group.declineClass,
    formatCount(group.cases),
    formatCount(group.heldOut),
    formatMinor(group.amountMinor, group.exponent),
  ]);
  const codes = Object.entries(unmapped);
  return [
    `Of ${countOf(invoices, 'open invoice')}, ${formatCount(fit)} would become cases, ${formatCount(heldOut)} of them held out and never charged.`,
    renderTable(
      [
        { head: 'Currency' },
        { head: 'Class' },
        { head: 'Cases', align: 'right' },
        { head: 'Held out', align: 'right' },
        { head: 'Remaining', align: 'right' },
      ],
      [...rows, ...totals],
      look,
    ),
    renderTable(
      [{ head: 'Left alone', align: 'right' }, { head: 'Why' }],
      [
        ...(taken > 0 ? [[formatCount(taken), 'It is a case of a campaign already.']] : []),
        ...exclusionsOf(assessment).map(([, because, many]) => [formatCount(many), because]),
      ],
      look,
    ),
    ...(codes.length > 0
      ? [
          `Codes that no list holds, which are tried twice at most: ${codes.map(([code, times]) => `${code} (${formatCount(times)})`).join(', ')}.`,
        ]
      : []),
  ]
    .filter((block) => block !== '')
    .join('\n\n');
}
