import { createDuckDbWarehouse } from './duckdb';
import type { Warehouse } from './port';
import type { WarehouseSettings } from './settings';
import { createSnowflakeWarehouse } from './snowflake/warehouse';

/** Nothing is opened or reached before it is used. */
export const openWarehouse = (settings: WarehouseSettings): Warehouse =>
  settings.kind === 'snowflake'
    ? createSnowflakeWarehouse(settings)
    : createDuckDbWarehouse(settings);
