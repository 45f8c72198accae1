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
    await this.page.getByText(word, { exact: true }).first().waitFor();
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
    const form = this.updateForm();
    await form.getByTestId('update-select-button').click();
    await form.getByRole('option', { name: options.name }).first().click();
    await typeInto(form, options.input);
  }

  /** Sends the Update, and waits until the workflow has answered. Throws what it answered with when it refused. */
  async sendUpdate(): Promise<void> {
    const form = this.updateForm();
    await form.getByTestId('confirm-modal-button').click();
    await form.waitFor({ state: 'hidden' });
  }

  async requestCancellation(): Promise<void> {
    await this.page.getByRole('button', { name: 'Request Cancellation' }).click();
    const form = this.dialog('cancel-confirmation-modal');
    await form.getByTestId('confirm-modal-button').click();
    await form.waitFor({ state: 'hidden' });
  }

  private updateForm(): Locator {
    return this.dialog('update-confirmation-modal');
  }

  /** The page holds each dialog twice, for narrow and for wide windows. */
  private dialog(name: string): Locator {
    return this.page.getByTestId(name).filter({ visible: true });
  }
}

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
