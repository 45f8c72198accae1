import type { CaseNews } from '../domain/recovery/news';
import type { CaseKey } from './recovery-contract';

/** How steps reach the workflows of cases. Each of them is started where it does not run: the row is the record. */
export interface CaseRunners {
  /** One that runs is kept. */
  start(key: CaseKey): Promise<void>;
  /** Returns once it is certain to be heard, whenever a worker is there. */
  tell(key: CaseKey, what: CaseNews): Promise<void>;
  /** Returns once the case has taken it up. */
  steer(
    key: CaseKey,
    order: { readonly what: 'pause' | 'resume' | 'cancel'; readonly reason: string },
  ): Promise<void>;
}
