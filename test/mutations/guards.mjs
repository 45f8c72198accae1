/**
 * Every story of somebody charged twice, or charged when it was not wanted any more; what keeps it from happening; how that is
 * taken out; and the test that must then fail. Where one of two guards is enough by itself, both are taken out.
 */

const STORIES = 'test/faults/recovery/double-charge.test.ts';
const DEBITS = 'test/faults/recovery/debit.test.ts';
const ATTEMPT = 'test/activities/recovery/attempt.test.ts';
const LEDGER = 'test/activities/recovery/ledger.test.ts';
const STEPS = 'test/activities/recovery/steps.test.ts';
const SELECTION = 'test/activities/campaigns.test.ts';
const ROWS = 'test/db/campaigns.test.ts';
const PAYMENTS = 'test/providers/stripe/payments.test.ts';
const ANSWERS = 'test/providers/stripe/payment-answers.test.ts';
const SENDING = 'test/providers/stripe/send-once.test.ts';
const CEILINGS = 'test/domain/recovery/ceilings.test.ts';
const ENGINE = 'test/domain/recovery/engine.test.ts';
const FITNESS = 'test/domain/recovery/selection.test.ts';
const LADDER = 'test/domain/recovery/ladder.test.ts';
const MACHINE = 'test/domain/recovery/machine.test.ts';
const WORKFLOW = 'test/workflows/payment-retry.test.ts';

/** @typedef {{ story: string, test: string, name: string, find: string, replace: string }} Guard */

/** @param {string} file @param {readonly Guard[]} guards */
const inFile = (file, guards) => guards.map((guard) => ({ file, ...guard }));

export const GUARDS = [
  ...inFile('domain/recovery/claim.ts', [
    {
      story: 'A step that is run again, after a reset from the UI, makes its attempt again',
      test: STORIES,
      name: 'after a reset from the UI reports what the ledger has, and sends nothing',
      find: '({ number }) => number === after + 1',
      replace: '() => false',
    },
    {
      story: 'A new attempt follows one whose outcome is not known',
      test: STORIES,
      name: 'is looked up and found, and nothing is sent again',
      find: "isOpen(state) || state === 'succeeded'",
      replace: "state === 'succeeded'",
    },
    {
      story: 'A new attempt follows one that has succeeded, by a workflow that has not heard of it',
      test: LEDGER,
      name: 'gives a new number and a new key after a decline, and none after a success',
      find: "isOpen(state) || state === 'succeeded'",
      replace: 'isOpen(state)',
    },
    {
      story: 'The workflow, not the ledger, gives the number',
      test: LEDGER,
      name: 'gives no number that does not follow the newest',
      find: 'after !== newest',
      replace: 'false',
    },
    {
      story: 'An attempt follows the end of its case',
      test: STORIES,
      name: 'keeps the attempt from being made: an end',
      find: "isTerminal(it.state) || it.state === 'holdout'",
      replace: "it.state === 'holdout'",
    },
    {
      story: 'Somebody of the control group is charged',
      test: LEDGER,
      name: 'gives no attempt when the case is of the control group',
      find: "isTerminal(it.state) || it.state === 'holdout'",
      replace: 'isTerminal(it.state)',
    },
    {
      story: 'An attempt is made for an account that is being disconnected',
      test: LEDGER,
      name: 'gives no attempt for an account that is being disconnected',
      find: "account.desired === 'cancel'",
      replace: 'false',
    },
    {
      story: 'An attempt follows a cancel that its workflow has not heard of',
      test: STORIES,
      name: 'keeps the attempt from being made: a cancel',
      find: "it.desired === 'cancel'",
      replace: 'false',
    },
    {
      story: 'An attempt follows the stop of its campaign',
      test: STORIES,
      name: 'keeps the attempt from being made: a stop of the campaign',
      find: "campaign.desired === 'stop'",
      replace: 'false',
    },
    {
      story: 'An attempt is made while its case is paused',
      test: STORIES,
      name: 'keeps the attempt from being made: a pause',
      find: "it.desired === 'pause'",
      replace: 'false',
    },
    {
      story: 'An attempt is made while its campaign is paused',
      test: STORIES,
      name: 'keeps the attempt from being made: a pause of the campaign',
      find: "campaign.desired === 'pause'",
      replace: 'false',
    },
    {
      story: 'An attempt is made while its account is paused',
      test: STORIES,
      name: 'keeps the attempt from being made: the account was paused',
      find: "account.desired === 'pause'",
      replace: 'false',
    },
    {
      story: 'A workflow that was left behind charges for a case that is elsewhere',
      test: LEDGER,
      name: 'gives no attempt when the case is elsewhere',
      find: "it.state !== 'charging'",
      replace: 'false',
    },
    {
      story: 'What the invoice has become since the plan is not asked at the claim',
      test: STORIES,
      name: 'is not followed when the amount has changed since',
      find: 'changed !== null',
      replace: 'false',
    },
    {
      story: 'An attempt is made after the time of its case',
      test: LEDGER,
      name: 'gives no attempt when the time of the case is over',
      find: 'now >= it.windowEndsAt',
      replace: 'false',
    },
    {
      story: 'The limit of a case is a setting that nobody enforces (Hyperswitch #13666)',
      test: LEDGER,
      name: 'keeps to the tries of a case and of a campaign',
      find: 'made >= campaign.maxAttempts',
      replace: 'false',
    },
    {
      story: 'A campaign spends more tries than it was given',
      test: LEDGER,
      name: 'keeps to the tries of a case and of a campaign',
      find: 'attemptsMade >= budgetAttempts',
      replace: 'false',
    },
    {
      story: "A card is tried beyond the networks' limits (Hyperswitch #9742, #9760, #8870)",
      test: STORIES,
      name: 'count what others have tried, though no sync has seen it yet',
      find: "allowed.kind === 'now'",
      replace: 'true',
    },
  ]),
  ...inFile('domain/recovery/sighting.ts', [
    {
      story: 'An invoice that somebody else has paid meanwhile is charged',
      test: STORIES,
      name: 'by the provider’s own retry is theirs, and nothing is sent',
      find: "case 'paid':\n      return 'paid';",
      replace: "case 'paid':\n      return 'payable';",
    },
    {
      story: 'An invoice of which nothing remains is charged',
      test: LEDGER,
      name: 'gives no attempt for an invoice that is open with nothing left to pay',
      find: "sighting.amountRemainingMinor > 0n ? 'payable' : 'paid'",
      replace: "'payable'",
    },
    {
      story: 'An invoice is charged again although a part of it is disputed',
      test: STORIES,
      name: 'a part that the customer has paid was disputed',
      find: 'if (sighting.isDisputed)',
      replace: 'if (false)',
    },
    {
      story: 'An invoice is charged again although a part of it was refunded',
      test: STORIES,
      name: 'a part that the customer has paid was refunded',
      find: 'if (sighting.isRefunded)',
      replace: 'if (false)',
    },
    {
      story: 'A customer who has canceled is charged for the subscription',
      test: STORIES,
      name: 'keeps the attempt from being made: the subscription was canceled',
      find: "sighting.isCanceled && sighting.status === 'open'",
      replace: 'false',
    },
    {
      story: 'An invoice that was voided is charged',
      test: STORIES,
      name: 'keeps the attempt from being made: the invoice was voided',
      find: "return { type: 'voided' };",
      replace: "return 'payable';",
    },
    {
      story: 'An invoice that was written off is charged',
      test: LEDGER,
      name: 'gives no attempt for an invoice that is uncollectible',
      find: "return { type: 'voided', because: 'The invoice was marked as uncollectible.' };",
      replace: "return 'payable';",
    },
    {
      story: 'An invoice that is a draft is charged',
      test: LEDGER,
      name: 'gives no attempt for an invoice that is a draft',
      find: "return { type: 'voided', because: 'The invoice is a draft.' };",
      replace: "return 'payable';",
    },
    {
      story: 'An attempt is made while another payment of the invoice is being settled',
      test: LEDGER,
      name: 'gives no attempt for an invoice that is being settled by another payment',
      find: 'if (isSettling)',
      replace: 'if (false)',
    },
    {
      story: 'A customer who was deleted is charged',
      test: LEDGER,
      name: 'gives no attempt for an invoice that is of a deleted customer',
      find: 'if (customerDeleted)',
      replace: 'if (false)',
    },
    {
      story: 'An amount is charged that is not owed any more',
      test: LEDGER,
      name: 'gives no attempt when the amount is not what was planned for',
      find: 'String(sighting.amountRemainingMinor) !== plan.amountMinor',
      replace: 'false',
    },
    {
      story: 'A currency is charged that was not planned for',
      test: LEDGER,
      name: 'gives no attempt when the currency is not what was planned for',
      find: 'sighting.currency !== plan.currency',
      replace: 'false',
    },
    {
      story: 'A card is charged that was not planned for',
      test: LEDGER,
      name: 'gives no attempt when the payment method is not what was planned for',
      find: 'credential.id !== plan.credential',
      replace: 'false',
    },
    {
      story: 'An attempt follows one that somebody else has made since the plan',
      test: LEDGER,
      name: 'gives no attempt when the newest charge is not what was planned for',
      find: 'sighting.latestChargeId !== plan.latestCharge',
      replace: 'false',
    },
    {
      story: "An attempt is made beside the provider's own retry",
      test: LEDGER,
      name: 'gives no attempt when the retry of the provider is not what was planned for',
      find: '(providerRetryAt?.getTime() ?? null) !== plan.providerRetryAtMs',
      replace: 'false',
    },
  ]),
  ...inFile('db/repositories/attempts.ts', [
    {
      story: 'Two invoices of one card are claimed at once, neither counting the other',
      test: STORIES,
      name: 'are shared by the invoices of one card, those included whose outcome is not known',
      find: 'if (credential) await lockCredential(trx, request.account, credential);',
      replace: '',
    },
    {
      story: 'A cancel is answered while a claim that has not met it goes on to charge',
      test: STORIES,
      name: 'whoever cancels the case waits for a claim that was before',
      find: '.forUpdate()\n    .executeTakeFirst();\n  if (row) return row;',
      replace: '.executeTakeFirst();\n  if (row) return row;',
    },
    {
      story:
        'The pause of an account is answered while a claim that has not met it goes on to charge',
      test: STORIES,
      name: 'whoever pauses the account waits for a claim that was before',
      find: '\n    .forShare()',
      replace: '',
    },
    {
      story:
        'The pause of a campaign is answered while a claim that has not met it goes on to charge',
      test: STORIES,
      name: 'whoever pauses the campaign waits for a claim that was before',
      find: ".where('id', '=', it.campaign_id)\n    .forUpdate()",
      replace: ".where('id', '=', it.campaign_id)",
    },
    {
      story:
        'Counters are raised before the attempt is there, so that a lost job is a lost try (Lago)',
      test: STORIES,
      name: 'raises no counter for an attempt that does not come to be',
      find: 'const verdict = judgeClaim(',
      replace: 'await countAttempt(trx, campaignId, 1);\n        const verdict = judgeClaim(',
    },
    {
      story: 'Tries of others are not counted',
      test: LEDGER,
      name: 'counts the charges of others towards the ceilings',
      find: 'return countEach(synced, rows.map(toAttempt));',
      replace: 'return countEach([], rows.map(toAttempt));',
    },
    {
      story: 'An attempt that a person must look at is passed over in silence',
      test: STORIES,
      name: 'on the wire has its late answer believed, and a person is told',
      find: '...(conflict !== null && { attention: true }),',
      replace: '',
    },
  ]),
  ...inFile('domain/recovery/attempt.ts', [
    {
      story: 'An attempt and its synced charge count twice, and tries are wasted',
      test: LEDGER,
      name: 'counts an attempt and its synced charge once',
      find: 'ours.filter(({ id }) => !known.has(id))',
      replace: 'ours',
    },
    {
      story: 'An attempt whose outcome is not known counts towards no limit',
      test: LEDGER,
      name: 'counts what two invoices do with one card together, one that is open included',
      find: "intended: 'open'",
      replace: "intended: 'succeeded'",
    },
  ]),
  ...inFile('domain/recovery/ledger.ts', [
    {
      story: 'A new attempt has the key of a declined one, which replays the decline for ever',
      test: STORIES,
      name: 'after a decline has a new key, since the old one would replay the decline for ever',
      find: '${keySpace}/${account}/${invoice}/${number}',
      replace: '${keySpace}/${account}/${invoice}',
    },
  ]),
  ...inFile('db/migrations/0006_recovery.ts', [
    {
      story: 'The database lets an invoice have two open attempts',
      test: STORIES,
      name: 'refuses a second open attempt of one invoice',
      find: 'create unique index recovery_attempt_open',
      replace: 'create index recovery_attempt_open',
    },
    {
      story: 'The database lets two attempts have one key',
      test: STORIES,
      name: 'refuses one number, one key and one charge twice',
      find: 'idempotency_key text not null unique',
      replace: 'idempotency_key text not null',
    },
    {
      story: 'The database lets two attempts claim one charge',
      test: STORIES,
      name: 'refuses one number, one key and one charge twice',
      find: 'create unique index recovery_attempt_by_charge',
      replace: 'create index recovery_attempt_by_charge',
    },
  ]),
  ...inFile('activities/recovery/attempt.ts', [
    {
      story: 'What is in the ledger already is sent',
      test: STORIES,
      name: 'by two workers at once is one attempt',
      find: 'return { attempt: claimed.attempt.number, event: eventOf(claimed.attempt), at };',
      replace: 'return { ...(await send(tools, claimed.attempt, sendBefore)), at };',
    },
    {
      story: 'A process that was frozen between claim and wire sends when it wakes',
      test: STORIES,
      name: 'between claim and wire sends nothing when it wakes after its time',
      find: 'clock.now() >= sendBefore',
      replace: 'false',
    },
    {
      story: 'A process that was frozen after its look at the invoice pays by what it saw then',
      test: ATTEMPT,
      name: 'sends nothing by a look at the invoice that is older than an attempt may be',
      find: 'await send(tools, claimed.attempt, sendBefore)',
      replace:
        'await send(tools, claimed.attempt, new Date(clock.now().getTime() + policy.sendWithinMs))',
    },
    {
      story:
        'A process that was frozen before its claim makes the attempt that was looked up meanwhile',
      test: STORIES,
      name: 'before the claim finds its number fenced by whoever has looked it up, and sends nothing',
      find: 'const attempt = found ?? (await ledger.fence(ref, { keySpace }));',
      replace:
        "const attempt = found;\n  if (!attempt) return { attempt: ref.number, event: { type: 'absent' }, at: null };",
    },
    {
      story: 'An absence is believed by what the clock says after the look',
      test: ATTEMPT,
      name: 'is not held for absent by a look that began before its time was over',
      find: 'saidByFinding(finding, { attempt, lookedAt, readDecline })',
      replace:
        'saidByFinding(finding, { attempt, lookedAt: (await ledger.read(ref)).now, readDecline })',
    },
    {
      story: 'A person says what became of an attempt that may still be on its way',
      test: STEPS,
      name: 'takes a person’s word once nothing can be on its way any more, and keeps the reason',
      find: 'isOpen(attempt.state) && now < attempt.absentAfter',
      replace: 'false',
    },
    {
      story:
        'What the customer has paid in the same second is held for a refusal that needs a person',
      test: STORIES,
      name: 'by the customer in the very second in which our request arrives is theirs alone',
      find: "if (standing === 'paid') return (await whoPaid(tools, sighting)) ?? unsettled;",
      replace: '',
    },
  ]),
  ...inFile('domain/recovery/settlement.ts', [
    {
      story: 'Absence is believed before the last moment at which the attempt could appear',
      test: STORIES,
      name: 'is held for absent only once it could not appear any more, and the next one has a new key',
      find: 'lookedAt >= attempt.absentAfter',
      replace: 'true',
    },
    {
      story: 'A direct debit that is being settled is tried again since a look does not show it',
      test: ATTEMPT,
      name: 'is not absent when it was taken once',
      find: "attempt.state !== 'pending' && ",
      replace: '',
    },
    {
      story: 'Money that moved after all is not believed, and charged again',
      test: STORIES,
      name: 'on the wire has its late answer believed, and a person is told',
      find: "absent: {\n    unknown: 'agrees',\n    pending: 'contradicts',\n    succeeded: 'corrects',",
      replace:
        "absent: {\n    unknown: 'agrees',\n    pending: 'contradicts',\n    succeeded: 'contradicts',",
    },
    {
      story: 'A lost answer is held for a decline',
      test: STORIES,
      name: 'is looked up and found, and nothing is sent again',
      find: "state: 'unknown', note",
      replace: "state: 'declined', note",
    },
  ]),
  ...inFile('providers/stripe/payments/pay.ts', [
    {
      story: 'A key that is in use (409) is held for a request that was not sent',
      test: STORIES,
      name: 'while its first request is still being answered (409) is not sent again, but looked up',
      find: 'if (status === 429)',
      replace: 'if (status === 429 || status === 409)',
    },
    {
      story:
        'A key that is in use (409) is held for a refusal, which a person mends and has tried again',
      test: ANSWERS,
      name: '409 {"type":"invalid_request_error","code":"something_new"}: unknown',
      find: "type === 'invalid_request_error' && (status === 400 || status === 404)",
      replace: "type === 'invalid_request_error'",
    },
    {
      story: 'A 409 is held for a decline',
      test: STORIES,
      name: 'while its first request is still being answered (409) is not sent again, but looked up',
      find: "if (type === 'card_error') return 'declined';",
      replace: "if (type === 'card_error' || status === 409) return 'declined';",
    },
    {
      story: 'A key that was used with other parameters is held for a refusal',
      test: PAYMENTS,
      name: 'a key that was used with other parameters leaves it unknown',
      find: "type === 'invalid_request_error' && (status === 400 || status === 404)",
      replace: 'status === 400 || status === 404',
    },
    {
      story: 'A connection that breaks is held for a request that was not sent',
      test: STORIES,
      name: 'is looked up and found, and nothing is sent again (reset-after-commit)',
      find: "if (said === null) return 'unknown';",
      replace: "if (said === null) return 'not_sent';",
    },
    {
      story: 'A 500 is held for a request that did nothing',
      test: STORIES,
      name: 'is looked up and found, and nothing is sent again (500-after-commit)',
      find: "return 'refused';\n  return 'unknown';",
      replace: "return 'refused';\n  return 'not_sent';",
    },
    {
      story: 'A direct debit that was only taken is held for money, or for none',
      test: DEBITS,
      name: 'keeps every other attempt away until it comes through',
      find: "status === 'processing' || status === 'requires_capture'",
      replace: 'false',
    },
  ]),
  ...inFile('providers/stripe/client.ts', [
    {
      story: 'The SDK sends a payment once more when its connection is closed',
      test: SENDING,
      name: 'when the connection is closed on it: once, though the SDK would try a closed one again',
      find: `if (exchange.isMade) throw new Error('A request is made once.');
    exchange.isMade = true;
    const answer = await exchange.send(url, { method, headers, body }).catch((cause: unknown) => {
      // Without a code, by which the SDK would know a closed connection.
      throw new Error('No answer.', { cause });
    });`,
      replace: `const answer = await exchange.send(url, { method, headers, body });`,
    },
    {
      story: 'A payment is sent after its instant, since it had to wait for its turn',
      test: SENDING,
      name: 'when the instant passes while it waits for its turn',
      find: 'performance.now() >= deadlineMs || Date.now() >= sendBefore.getTime()',
      replace: 'false',
    },
  ]),
  ...inFile('providers/stripe/send-once.ts', [
    {
      story: 'A process that was frozen while it connected sends when it wakes',
      test: SENDING,
      name: 'when the process was frozen while it connected',
      find: 'if (isTooLate()) throw deadlinePassed();',
      replace: '',
    },
  ]),
  ...inFile('providers/stripe/payments/evidence.ts', [
    {
      story: 'A payment by somebody else is held for ours, or ours for theirs',
      test: STORIES,
      name: 'while an attempt of ours is unknown is not held for ours',
      find: 'makers.find(({ key }) => key === idempotencyKey)',
      replace: 'makers.at(0)',
    },
    {
      story: "Ours lies under a later charge of the provider's own, and is held for absent",
      test: PAYMENTS,
      name: 'while the list of charges is behind, ours may lie under a later one: unclear',
      find: 'return hidden.length > 0',
      replace: 'return hidden.length > 99',
    },
    {
      story: 'While events are behind, a charge of ours is held for that of somebody else',
      test: PAYMENTS,
      name: 'while events are behind, nobody can tell who made a charge: unclear',
      find: 'if (untold.length > 0)',
      replace: 'if (false)',
    },
    {
      story: 'A payment that is being processed is held for absent',
      test: ANSWERS,
      name: 'an attempt whose charge is not shown yet while its payment is being processed: unclear',
      find: "payment.payment_intent?.status === 'processing'",
      replace: 'payment === null',
    },
    {
      story: 'Who has paid is said before it can be known',
      test: PAYMENTS,
      name: 'who has paid is not known before events tell',
      find: "return mayCome ? null : 'elsewhere';",
      replace: "return 'elsewhere';",
    },
  ]),
  ...inFile('providers/stripe/payments/sighting.ts', [
    {
      story: 'A dispute of a part is not seen on the invoice',
      test: STORIES,
      name: 'a part that the customer has paid was disputed',
      find: 'charges.some(({ disputed }) => disputed)',
      replace: 'false',
    },
    {
      story: 'A refund of a part is not seen on the invoice',
      test: STORIES,
      name: 'a part that the customer has paid was refunded',
      find: 'charges.some(({ refunded }) => refunded)',
      replace: 'false',
    },
    {
      story: 'The end of a subscription is not seen on its invoice',
      test: STORIES,
      name: 'keeps the attempt from being made: the subscription was canceled',
      find: 'isCanceled: isCanceled(invoice)',
      replace: 'isCanceled: false',
    },
    {
      story: 'One card under two names has two budgets',
      test: ANSWERS,
      name: 'is the invoice’s method, before all that come after it',
      find: 'key: details?.fingerprint ?? id',
      replace: 'key: id',
    },
  ]),
  ...inFile('activities/recovery/look-at-case.ts', [
    {
      story: 'A plan is made, or goes on, beside an attempt that is not settled',
      test: STEPS,
      name: 'goes by the ledger first',
      find: 'standingInLedger(attempts) ?? endOf(tools)',
      replace: 'endOf(tools)',
    },
    {
      story: 'Charges that no sync has seen yet do not count',
      test: STORIES,
      name: 'count what others have tried, though no sync has seen it yet',
      find: 'if (READS_CHARGES.includes(row.state))',
      replace: 'if (false)',
    },
    {
      story:
        "The provider's retries are waited for for ever, though a hard code keeps it from making them",
      test: STEPS,
      name: 'waits for the provider as long as its retries are to be believed',
      find: 'idle: await countProviderRetries(db, ref, history.newestAt)',
      replace: 'idle: 0',
    },
  ]),
  ...inFile('domain/recovery/look.ts', [
    {
      story: 'A paused account is asked and planned for',
      test: STEPS,
      name: 'asks and charges nothing, holds its cases up, and has them go on when it is resumed',
      find: "if (account.desired === 'pause') return { type: 'account_paused' };",
      replace: '',
    },
  ]),
  ...inFile('activities/recovery/charge-case.ts', [
    {
      story: 'The customers of an account that was disconnected are charged',
      test: STEPS,
      name: 'ends a case whose account was disconnected, and so does every other step',
      find: 'const end = endOf(tools);',
      replace: 'const end = null;',
    },
  ]),
  ...inFile('db/repositories/cases.ts', [
    {
      story: 'A case that was reset ends while an attempt that it has forgotten is open',
      test: STEPS,
      name: 'does not end its case while an attempt that it has forgotten is open',
      find: 'attempts.some(({ state }) => isOpen(state))',
      replace: 'false && attempts.some(({ state }) => isOpen(state))',
    },
    {
      story: 'A runner that was reset tells another story of a case that has ended, and charges',
      test: STEPS,
      name: 'keeps the end of a case from a runner that was reset and does not know of it',
      find: 'if (row.ended_at !== null && first.from !== row.state) return RECORDED;',
      replace: '',
    },
    {
      story: 'A story that is told again moves the case back',
      test: STEPS,
      name: 'stores each line of a story once, however often it is told, and shows where the case stands',
      find: 'record.transitions.filter(({ sequence }) => sequence > row.transitions)',
      replace: 'record.transitions.filter(() => true)',
    },
    {
      story: 'A workflow that was reset takes a cancel back',
      test: STEPS,
      name: 'leaves a cancel as it is, for a workflow that was reset has forgotten it',
      find: "sql`case when desired = 'cancel' then desired else ${desired} end`",
      replace: 'desired',
    },
    {
      story: 'What has ended with money, or by a dispute, is opened again',
      test: STEPS,
      name: 'opens nothing of the control group, of a stopped campaign, or that has ended otherwise',
      find: ".where('state', '=', 'exhausted')",
      replace: '',
    },
  ]),
  ...inFile('domain/recovery/engine.ts', [
    {
      story: 'After a terminate, an attempt that was under way is made again',
      test: ENGINE,
      name: 'charging with null in the ledger goes on as unknown of attempt 3',
      find: "if (state === 'charging') {\n    return [{",
      replace: 'if (false) {\n    return [{',
    },
    {
      story: 'After a terminate, an open attempt of a case that stands elsewhere is forgotten',
      test: ENGINE,
      name: 'precheck with {"number":2,"state":"intended"} in the ledger goes on as unknown of attempt 2',
      find: 'open === null || IN_FLIGHT.includes(state)',
      replace: 'true || IN_FLIGHT.includes(state)',
    },
    {
      story: 'After a terminate, a cancel that was written meanwhile is not heard',
      test: ENGINE,
      name: 'what was wanted meanwhile counts, at once or after the attempt',
      find: "desired === 'run' || desired === stateWanted(state)",
      replace: 'true',
    },
    {
      story: 'An answer that says nothing of the attempt has it made again',
      test: ENGINE,
      name: 'an answer that says nothing of the attempt makes it unknown, never a second charge',
      find: "step === 'charge' && next.state === 'charging'",
      replace: 'false',
    },
    {
      story: 'A resume takes a cancel back that waits for an outcome',
      test: ENGINE,
      name: 'a cancel is for good, whoever resumes or pauses it before the outcome is known',
      find: "memory.desired === 'cancel' ? memory : { ...memory, desired: effect.desired }",
      replace: '{ ...memory, desired: effect.desired }',
    },
    {
      story: 'A payment step that dies is a step like any other, and tried again',
      test: ENGINE,
      name: 'a payment step that throws leaves its outcome unknown',
      find: "return step === 'charge'\n",
      replace: 'return false\n',
    },
  ]),
  ...inFile('domain/recovery/transitions.ts', [
    {
      story: 'What stops a case while its attempt is in flight is forgotten',
      test: MACHINE,
      name: 'disputed in unknown is remembered until the outcome is known',
      find: "    'remember',\n  );",
      replace: '  );',
    },
    {
      story:
        'An unknown outcome that a lookup does not prove is planned anew (Kill Bill: never retried)',
      test: ENGINE,
      name: 'an unknown outcome is left only by what proves it, or for a person',
      find: "inconclusive: stay(\n      'Nothing proves yet",
      replace: "inconclusive: go('planning',\n      'Nothing proves yet",
    },
    {
      story: 'When lookups end, nobody is told (Kill Bill: UNKNOWN stays stuck)',
      test: MACHINE,
      name: 'when lookups end a person is called, and sees that the case needs one',
      find: "lookups_ended: go(\n      'needs_human',\n      'Nothing proves what became",
      replace: "lookups_ended: go(\n      'unknown',\n      'Nothing proves what became",
    },
    {
      story: 'A charge whose step has failed goes back to planning',
      test: MACHINE,
      name: 'a charge that answers step_failed leads to unknown',
      find: "step_failed: go('unknown',",
      replace: "step_failed: go('planning',",
    },
    {
      story: 'A person resumes a case whose attempt nobody could resolve, and it is charged',
      test: MACHINE,
      name: 'a person who resumes a case that nobody could resolve has it looked up, never charged',
      find: "move('unknown', 'It is looked up once more.'",
      replace: "move('planning', 'It is looked up once more.'",
    },
    {
      story: 'The customer has paid, too, and nobody is told to give it back',
      test: MACHINE,
      name: 'money that was also paid elsewhere meanwhile is ours, and somebody is told to look',
      find: "'count_money',\n        'raise_attention',",
      replace: "'count_money',",
    },
  ]),
  ...inFile('workflows/options.ts', [
    {
      story: 'Temporal runs a payment step again whose worker has died',
      test: WORKFLOW,
      name: 'a payment step that dies is an unknown outcome',
      find: "heartbeatTimeout: '10 seconds',\n  retry: { maximumAttempts: 1 }",
      replace: "heartbeatTimeout: '10 seconds',\n  retry: { initialInterval: '1 second' }",
    },
  ]),
  ...inFile('workflows/payment-retry.ts', [
    {
      story: 'A case that was reset is canceled although the ledger has an open attempt',
      test: WORKFLOW,
      name: 'forgot an attempt is not canceled before the outcome of that is known',
      find: 'if (written?.isRefused) {',
      replace: 'if (written?.isRefused && Date.now() < 0) {',
    },
    {
      story: 'A cancel is answered before the ledger can read it',
      test: WORKFLOW,
      name: 'a cancel while a payment is on the wire is written at once and takes effect after its outcome',
      find: 'const { takenUp } = this;\n    await this.writeDesired();',
      replace: 'const { takenUp } = this;',
    },
  ]),
  ...inFile('db/repositories/candidates.ts', [
    {
      story: 'Another campaign charges the control group of the first one',
      test: ROWS,
      name: 'whoever is held out stays in the control group for later campaigns',
      find: 'from holdout_customer\n        where account_id',
      replace: 'from holdout_customer\n        where false and account_id',
    },
  ]),
  ...inFile('activities/campaigns/select-cases.ts', [
    {
      story: 'A case that has ended, or is only watched, is started again',
      test: SELECTION,
      name: 'does not start again what has ended',
      find: 'own.filter(({ heldOut, hasEnded }) => !heldOut && !hasEnded)',
      replace: 'own.filter(({ heldOut }) => !heldOut)',
    },
    {
      story: 'Somebody of the control group gets a workflow',
      test: SELECTION,
      name: 'who is held out gets a row and no workflow, for later campaigns too',
      find: 'own.filter(({ heldOut, hasEnded }) => !heldOut && !hasEnded)',
      replace: 'own.filter(({ hasEnded }) => !hasEnded)',
    },
  ]),
  ...inFile('domain/recovery/fitness.ts', [
    {
      story: 'A campaign takes up what is disputed',
      test: FITNESS,
      name: 'is left alone as disputed',
      find: 'disputed: ({ isDisputed }) => isDisputed',
      replace: 'disputed: () => false',
    },
    {
      story: 'A campaign takes up the invoice of a subscription that was canceled',
      test: FITNESS,
      name: 'is left alone as subscription_canceled',
      find: 'subscription_canceled: ({ isCanceled }) => isCanceled',
      replace: 'subscription_canceled: () => false',
    },
    {
      story: 'A campaign takes up what is being settled',
      test: FITNESS,
      name: 'is left alone as settling',
      find: 'settling: ({ isSettling }) => isSettling',
      replace: 'settling: () => false',
    },
  ]),
  ...inFile('domain/recovery/news.ts', [
    {
      story: 'A case does not hear of a dispute',
      test: SELECTION,
      name: 'a case hears of a dispute and of a refund of its charge',
      find: "if (isDisputed) return 'disputed';",
      replace: '',
    },
    {
      story: 'A case does not hear that its invoice was paid',
      test: SELECTION,
      name: 'a case hears paid_elsewhere when its invoice is',
      find: "if (invoiceStatus === 'paid')",
      replace: 'if (false)',
    },
    {
      story: 'What was given back is still called recovered',
      test: SELECTION,
      name: 'is reversed by as much as was refunded, and by more when more is',
      find: 'refundedMinor + lostMinor',
      replace: 'lostMinor',
    },
  ]),
  ...inFile('domain/recovery/ceilings.ts', [
    {
      story: 'A card is tried again after a code that forbids it for ever',
      test: CEILINGS,
      name: 'forbids the credential for ever after R1 of category 1',
      find: 'if (vocabulary === effect.vocabulary && effect.codes.includes(code)) return true;',
      replace: '',
    },
    {
      story: 'What may have happened does not count towards a limit',
      test: CEILINGS,
      name: 'does not count what succeeded, and counts what is pending or may have happened',
      find: "if (charge.status === 'succeeded') continue;",
      replace: "if (charge.status !== 'failed') continue;",
    },
    {
      story: 'One try more than allowed',
      test: CEILINGS,
      name: 'allows 20 tries of one amount in 30 days',
      find: 'if (counted === effect.limit)',
      replace: 'if (counted === effect.limit + 1)',
    },
  ]),
  ...inFile('domain/recovery/ladder.ts', [
    {
      story: 'The ladder forgets the tries already made, and never ends (Hyperswitch #13665)',
      test: LADDER,
      name: 'is exhausted after all tries, after the window, and when nothing is allowed within it',
      find: 'attempts.length >= limits.maxAttempts',
      replace: 'false',
    },
    {
      story: 'The schedule does not look at the reason of the decline (Hyperswitch #13805)',
      test: LADDER,
      name: 'a decline that another try cannot help',
      find: 'if (verdict) return verdict;',
      replace: '',
    },
  ]),
];
