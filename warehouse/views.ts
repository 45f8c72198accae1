/**
 * What people read: a view of each table that holds money, `<table>_amounts`, with decimals in the currency's own unit in place of
 * minor units. 1234 of exponent 2 is 12.34, exactly.
 */
import { columnsOf, TABLE_NAMES, type TableName } from './tables';

/** No currency has more decimals (CLF, UYW), so that one type fits all. */
const MAX_EXPONENT = 4;

/**
 * What one minor unit is, by exponent, as exact cases: powers are floating-point numbers in every warehouse, and so are products
 * that need more than 38 digits in DuckDB. 30 of them are more than all the money there is.
 */
const UNIT = `case exponent ${Array.from({ length: MAX_EXPONENT + 1 }, (_, exponent) => {
  const unit = exponent === 0 ? '1' : `0.${'1'.padStart(exponent, '0')}`;
  return `when ${String(exponent)} then cast(${unit} as decimal(5,${String(MAX_EXPONENT)}))`;
}).join(' ')} end`;

export interface View {
  readonly name: string;
  readonly select: string;
}

export const VIEWS: readonly View[] = TABLE_NAMES.filter((table) =>
  columnsOf(table).some(({ type }) => type === 'minor'),
).map((table) => ({ name: `${table}_amounts`, select: selectOf(table) }));

function selectOf(table: TableName): string {
  const columns = columnsOf(table)
    .filter(({ name }) => name !== 'exponent')
    .map(({ name, type }) =>
      type === 'minor'
        ? `cast(${name} as decimal(30,0)) * unit as ${name.replace(/_minor$/, '')}_amount`
        : name,
    );
  return `select ${columns.join(', ')} from (select *, ${UNIT} as unit from ${table}) as minor`;
}
