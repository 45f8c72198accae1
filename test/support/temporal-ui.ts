/** The Temporal UI (2.42) as an operator uses it: pages, forms and buttons by the names that they bear there. */
import type { Locator, Page } from 'playwright-core';

/** What the UI itself answers at once may take this long on a busy machine. */
const ANSWER_LIMIT_MS = 20_000;
/** How long one look at the details lasts before they are asked for again. */
const LOOK_MS = 1_000;
const MAX_LOOKS = 60;

export class TemporalUi {
  /** The frame with the current details on the tab User Metadata. */
  readonly details: Locator;

  constructor(readonly page: Page) {
    page.setDefaultTimeout(ANSWER_LIMIT_MS);
    this.details = page.locator('iframe[title="output"]');
  }

  /** Fills in the form at that address, and leaves it ready to be sent. */
  async fillStartForm(options: { url: string; input: string }): Promise<void> {
    // The form looks for an earlier workflow to copy from, and then sets its input, to nothing where there is none.
    const lookedUp = this.page.waitForResponse((response) => response.url().includes('query='));
    await this.page.goto(options.url);
    await lookedUp;
    await this.page.getByText('Task Queue is Active').waitFor();
    await typeInto(this.page.locator('main'), options.input);
  }

  /** Sends the form, and waits until the workflow has begun. */
  async sendStartForm(): Promise<void> {
    await this.page.getByTestId('start-workflow-button').click();
    await this.page.getByText('Workflow started successfully').waitFor();
  }

  /** Opens a workflow's page; without a run in the address it is that of its latest run. */
  async open(url: string): Promise<void> {
    await this.page.goto(url);
    await this.page.getByTestId('workflow-id-heading').waitFor();
  }

  /** Opens the page of a Schedule from the list of all. */
  async openSchedule(options: { listUrl: string; scheduleId: string }): Promise<void> {
    await this.page.goto(options.listUrl);
    await this.page.getByRole('link', { name: options.scheduleId }).click();
    await this.page.getByTestId('schedule-name').waitFor();
  }

  /** Opens the page of what a Schedule has started for that day, as in 2026-11-20, once it tells of it. */
  async openNight(options: { listUrl: string; scheduleId: string; day: string }): Promise<void> {
    const name = `${options.scheduleId}-${options.day}T`;
    for (let looks = 0; looks < MAX_LOOKS; looks += 1) {
      await this.openSchedule(options);
      const night = this.page.getByRole('link', { name }).first();
      if (!(await appears(night))) continue;
      await night.click();
      await this.page.getByTestId('workflow-id-heading').waitFor();
      return;
    }
    throw new Error(`The Schedule does not tell of ${name}….`);
  }

  /** Opens the dialog that starts a Schedule's workflow now. */
  async openTrigger(): Promise<void> {
    await this.page.getByRole('button', { name: 'Schedule Actions' }).click();
    await this.page.getByTestId('trigger-schedule').click();
  }

  /** Fills in the dialog that lets a Schedule run for past days, one run after the other: from midnight to midnight, in UTC. */
  async fillScheduleBackfill(days: { from: Date; to: Date }): Promise<void> {
    await this.page.getByRole('button', { name: 'Schedule Actions' }).click();
    await this.page.getByTestId('backfill-schedule').click();
    const form = this.page.getByRole('dialog');
    for (const [index, day] of [days.from, days.to].entries()) {
      // Both sides have fields of the same ids, and so the labels of the second name the first.
      await form.locator('#datepicker').nth(index).fill(dayOf(day));
      await form.getByRole('button', { name: 'Close', exact: true }).click();
      for (const id of ['#hour', '#minute', '#second'])
        await form.locator(id).nth(index).fill('00');
    }
    await form.getByRole('radio', { name: 'Buffer All' }).check();
  }

  /** Confirms the dialog at hand, and waits until it has gone. Throws what it says instead. */
  async confirm(): Promise<void> {
    const dialog = this.page.getByRole('dialog');
    await dialog.getByTestId('confirm-modal-button').click();
    await dialog.waitFor({ state: 'hidden' }).catch(async () => {
      throw new Error(`The dialog is still there:\n${await dialog.innerText()}`);
    });
  }

  async openTab(name: 'History' | 'User Metadata'): Promise<void> {
    await this.page
      .getByRole('tab', { name })
      .or(this.page.getByRole('link', { name }))
      .first()
      .click();
  }

  /** The current details as text, once they say so. They do not refresh themselves: R does, as the page tells. */
  async detailsThat(say: RegExp): Promise<string> {
    await this.openTab('User Metadata');
    const details = this.details.contentFrame().locator('main');
    for (let looks = 0; looks < MAX_LOOKS; looks += 1) {
      await this.page.keyboard.press('r');
      const shown = details.filter({ hasText: say });
      if (await appears(shown)) return shown.innerText();
    }
    throw new Error(`The details do not say ${String(say)}, but:\n${await details.innerText()}`);
  }

  /** Waits for that word beside the workflow's id. */
  async status(word: 'Completed' | 'Failed' | 'Canceled'): Promise<void> {
    await this.page.locator('header').getByText(word, { exact: true }).first().waitFor();
  }

  /** What the History tab shows as input and result, or as failure. */
  async inputAndResult(): Promise<string> {
    await this.openTab('History');
    return this.page.getByTestId('input-and-result').innerText();
  }

  /** Chooses an Update of the workflow at hand, and fills in its input. */
  async fillUpdate(options: { name: string; input: string }): Promise<void> {
    await this.page.getByRole('button', { name: 'More Actions' }).click();
    await this.page.getByTestId('update-button').filter({ visible: true }).click();
    const form = this.page.getByRole('dialog');
    await form.getByTestId('update-select-button').click();
    // An option's name goes on with its description.
    await form.getByRole('option', { name: new RegExp(`^${options.name}\\b`) }).click();
    await typeInto(form, options.input);
  }

  /** Sends the Update, and waits until the workflow has answered. Throws what it answered with when it refused. */
  async sendUpdate(): Promise<void> {
    await this.confirm();
  }

  async requestCancellation(): Promise<void> {
    await this.page.getByRole('button', { name: 'Request Cancellation' }).click();
    await this.confirm();
  }
}

/** As the UI's calendar takes it: 11/21/26. */
const dayOf = (day: Date): string => {
  const [year = '', month, date] = day.toISOString().slice(0, 10).split('-');
  return [month, date, year.slice(2)].join('/');
};

/** The JSON editor takes over what is typed only when it loses the focus. */
async function typeInto(form: Locator, json: string): Promise<void> {
  const editor = form.locator('.cm-content').first();
  await editor.fill(json);
  await editor.blur();
}

const appears = (locator: Locator): Promise<boolean> =>
  locator.waitFor({ timeout: LOOK_MS }).then(
    () => true,
    () => false,
  );
