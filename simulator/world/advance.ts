/** Time: what falls due happens. */
import type { Task } from './agenda';
import { act, react } from './behaviour';
import { closeDispute, takeBack } from './disputes';
import { attemptOnSchedule, collectNow, settle } from './payments';
import { expireDiscount } from './discounts';
import { resumeCollection } from './pauses';
import { renew } from './periods';
import { expireIncomplete } from './subscriptions';
import type { World } from './world';

/** Moves the clock to `until` (unix seconds): everything that falls due until then happens, customer by customer. */
export function advance(world: World, until: number): void {
  if (until < world.clock) throw new Error('The clock of a world cannot go back.');
  world.clock = until;
  for (const customer of world.customers.all) live(world, customer.id, until);
}

/** Lets one customer's story happen up to an instant. */
export function live(world: World, customer: string, until: number): void {
  const agenda = world.agendas.get(customer);
  if (agenda === undefined) throw new Error(`The world has no customer ${customer}.`);
  for (let due = agenda.take(until); due !== undefined; due = agenda.take(until)) {
    perform(world, customer, due);
    if (agenda.autonomous) react(world, customer, due);
  }
}

function perform(world: World, customer: string, { at, task }: { at: number; task: Task }): void {
  switch (task.kind) {
    case 'renew':
      return renew(world, world.subscriptions.get(task.subscription), at);
    case 'resume':
      return resumeCollection(world, world.subscriptions.get(task.subscription), at);
    case 'expireIncomplete':
      return expireIncomplete(world, world.subscriptions.get(task.subscription), at);
    case 'expireDiscount':
      return expireDiscount(world, world.discounts.get(task.discount), at);
    case 'finalize': {
      const invoice = world.invoices.get(task.invoice);
      // Paid by hand, voided or deleted while it was still a draft.
      if (invoice.status !== 'draft' || world.deleted.has(invoice.id)) return;
      return collectNow(world, invoice, at);
    }
    case 'attempt': {
      const invoice = world.invoices.get(task.invoice);
      if (invoice.nextPaymentAttempt === at) attemptOnSchedule(world, invoice, at);
      return;
    }
    case 'settle':
      return settle(world, world.charges.get(task.charge), at);
    case 'comeBack':
      return takeBack(world, world.charges.get(task.charge), at);
    case 'closeDispute':
      return closeDispute(world, world.disputes.get(task.dispute), at);
    default:
      return act(world, customer, { at, task });
  }
}
