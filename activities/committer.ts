import type { Kysely } from 'kysely';
import { commitPages, type PageCommit, type PageCommitted } from '../db/repositories/pages';
import type { Database } from '../db/schema';

/** Commits at a time. With one, Postgres waits for us or we for Postgres; more have fewer pages each. */
const MAX_COMMITS = 2;

/** Pages of one commit, which holds its locks until the last of them is written. */
const MAX_PAGES = 4;

interface WaitingPage {
  readonly page: PageCommit;
  readonly resolve: (committed: PageCommitted) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Commits the pages of a walk's lanes: those that come while others are being written are written together. Each lane waits for its
 * own page, so that no more than the lanes have at hand is ever waiting here.
 */
export class Committer {
  private readonly waiting: WaitingPage[] = [];
  private commits = 0;

  constructor(private readonly db: Kysely<Database>) {}

  /** Errors: those of `commitPages` for this page alone. */
  commit(page: PageCommit): Promise<PageCommitted> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ page, resolve, reject });
      if (this.commits < MAX_COMMITS) void this.work();
    });
  }

  private async work(): Promise<void> {
    this.commits += 1;
    while (this.waiting.length > 0) await this.write(this.takeSome());
    this.commits -= 1;
  }

  /** The page that waits longest, with others of its resource. */
  private takeSome(): WaitingPage[] {
    const resource = this.waiting[0]?.page.lease.resource;
    const some = this.waiting.filter(({ page }) => page.lease.resource === resource);
    const taken = some.slice(0, MAX_PAGES);
    for (const one of taken) this.waiting.splice(this.waiting.indexOf(one), 1);
    return taken;
  }

  private async write(together: readonly WaitingPage[]): Promise<void> {
    try {
      const committed = await commitPages(
        this.db,
        together.map(({ page }) => page),
      );
      committed.forEach((each, index) => together[index]?.resolve(each));
    } catch (error) {
      // What is wrong with one page must not concern the others.
      if (together.length > 1) for (const one of together) await this.write([one]);
      else together[0]?.reject(error);
    }
  }
}
