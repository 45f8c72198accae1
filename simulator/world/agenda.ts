/** The future of one customer: what falls due when. */
import type { Interval, Price } from './model';
import type { Random } from './random';

/** What the service does by itself when its time comes. */
type ServiceTask =
  | { kind: 'renew'; subscription: string }
  | { kind: 'resume'; subscription: string }
  | { kind: 'expireIncomplete'; subscription: string }
  | { kind: 'expireDiscount'; discount: string }
  | { kind: 'finalize'; invoice: string }
  | { kind: 'attempt'; invoice: string }
  | { kind: 'settle'; charge: string }
  | { kind: 'comeBack'; charge: string }
  | { kind: 'closeDispute'; dispute: string };

/** What a customer wants to subscribe to; what is not said is drawn. */
export interface SubscriptionWish {
  interval?: Interval;
  scheme?: Price['scheme'];
  items?: number;
  metered?: boolean;
  inline?: boolean;
  /** Not the free plan. */
  paying?: boolean;
  trialDays?: number;
  /** Coupon ids, percentages first. */
  coupons?: string[];
  /** What happens to it later, each at its instant. */
  acts?: { at: number; kind: SubscriptionAct }[];
}

/** What a customer or the merchant decides; only customers with a behaviour have these. */
export type BehaviourTask =
  | { kind: 'subscribe'; wish: SubscriptionWish }
  | { kind: 'manualInvoice' }
  | { kind: 'replaceCard' }
  | { kind: 'payOpenInvoice'; invoice: string }
  | { kind: 'giveUpInvoice'; invoice: string }
  | { kind: 'refund'; charge: string }
  | { kind: 'dispute'; charge: string }
  | { kind: 'creditNote'; invoice: string }
  | { kind: SubscriptionAct; subscription: string };

export type SubscriptionAct =
  | 'upgrade'
  | 'downgrade'
  | 'changeQuantity'
  | 'switchToYearly'
  | 'addItem'
  | 'removeItem'
  | 'applyCoupon'
  | 'removeCoupon'
  | 'pause'
  | 'resumeNow'
  | 'cancelNow'
  | 'cancelAtPeriodEnd'
  | 'keepAfterAll';

export type Task = ServiceTask | BehaviourTask;

/** At the same second decisions come before the service's own work: a pause at a boundary voids that renewal. */
const RANK: Partial<Record<Task['kind'], number>> = { renew: 2, finalize: 3, attempt: 3 };

const IN_THE_BANKS_HANDS: ReadonlySet<Task['kind']> = new Set(['settle', 'comeBack']);

interface Entry {
  at: number;
  rank: number;
  sequence: number;
  task: Task;
}

/** What one customer's future holds, and the seeded streams that decide it. */
export class Agenda {
  private readonly entries: Entry[] = [];
  private sequence = 0;
  /** Ids of invoice items that wait for an invoice, oldest first. */
  pendingItems: string[] = [];

  constructor(
    /** Makes ids. */
    readonly ids: Random,
    /** Makes choices. */
    readonly choices: Random,
    /** Whether the customer acts by itself; scenario tests drive customers by hand. */
    readonly autonomous: boolean,
  ) {}

  plan(at: number, task: Task): void {
    const entry: Entry = { at, rank: RANK[task.kind] ?? 1, sequence: this.sequence, task };
    this.sequence += 1;
    let index = this.entries.length;
    while (index > 0 && isBefore(this.entries[index - 1], entry)) index -= 1;
    this.entries.splice(index, 0, entry);
  }

  /** Nothing is to happen any more, except that money on its way arrives or comes back. */
  clear(): void {
    const left = this.entries.filter(({ task: { kind } }) => IN_THE_BANKS_HANDS.has(kind));
    this.entries.splice(0, this.entries.length, ...left);
    this.pendingItems = [];
  }

  /** Takes the next task due at or before `until`, or undefined. */
  take(until: number): { at: number; task: Task } | undefined {
    const next = this.entries.at(-1);
    if (next === undefined || next.at > until) return undefined;
    this.entries.pop();
    return next;
  }
}

/** The entries are kept latest first, so that taking the next one is a pop. */
function isBefore(earlier: Entry | undefined, entry: Entry): boolean {
  if (earlier === undefined) return false;
  return (
    (earlier.at - entry.at || earlier.rank - entry.rank || earlier.sequence - entry.sequence) < 0
  );
}
