/** The steps of a campaign without a database: so many pages of invoices, and cases that end when the test says so. */
import { ApplicationFailure } from '@temporalio/common';
import type { CampaignActivities, CampaignFacts } from '../../activities/contract';

const CASES_PER_PAGE = 2;

export class CampaignFakes {
  facts: CampaignFacts = {
    campaign: 'camp_1',
    account: 'acct_1',
    provider: 'fake',
    state: 'selecting',
    desired: 'run',
    because: 'It was just started.',
    selected: false,
    cases: 0,
    open: 0,
    heldOut: 0,
    attention: 0,
    states: [],
    recovered: [],
    next: [],
  };
  pages = 1;
  /** Called before a page of invoices is answered. */
  selecting: (page: number) => Promise<void> | void = () => undefined;
  /** Called before a page of cases is told. */
  steering: (page: number) => Promise<void> | void = () => undefined;
  /** Pages of cases that are steered. */
  steeredPages = 1;
  selected: (string | null)[] = [];
  readonly steered: { what: string; after: string | null; reason: string }[] = [];
  readonly set: string[] = [];
  /** Called before changes are routed. */
  routing: () => void = () => undefined;
  routed = 0;
  looks = 0;

  endCases(): void {
    this.facts = { ...this.facts, open: 0, states: [{ state: 'exhausted', cases: 2 }], next: [] };
  }

  readonly activities: CampaignActivities = {
    routeChanges: () => {
      this.routed += 1;
      this.routing();
      return Promise.resolve({ told: 0 });
    },
    readCampaign: ({ campaign }) => {
      if (campaign === 'camp_0') {
        throw ApplicationFailure.nonRetryable('No campaign is called "camp_0".', 'invalid_input');
      }
      this.looks += 1;
      return Promise.resolve(this.facts);
    },
    selectCases: async ({ after }) => {
      this.selected.push(after);
      const page = this.selected.length;
      await this.selecting(page);
      const cases = this.facts.cases + CASES_PER_PAGE;
      this.facts = {
        ...this.facts,
        cases,
        open: cases,
        states: [{ state: 'scheduled', cases }],
        next: [{ invoice: 'in_1', state: 'scheduled', at: '2026-11-03T08:00:00.000Z' }],
      };
      const next = page < this.pages ? `in_${String(page * CASES_PER_PAGE)}` : null;
      return { next, opened: CASES_PER_PAGE, heldOut: 0, skipped: 0, excluded: 0 };
    },
    setCampaign: ({ desired, state, because }) => {
      this.set.push(`${desired} ${state}`);
      this.facts = { ...this.facts, desired, state, because };
      return Promise.resolve();
    },
    steerCases: async ({ after, what, reason }) => {
      this.steered.push({ what, after, reason });
      const page = this.steered.length;
      await this.steering(page);
      if (what === 'cancel') this.endCases();
      const isLast = page % this.steeredPages === 0;
      return { next: isLast ? null : `in_${String(page)}`, told: CASES_PER_PAGE };
    },
  };
}
