import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { type Bed, NODES, type Node } from './bed.ts'
import { Cell } from './cell.ts'
import { type ResourceOf, domainResource, sharedState } from './domain-resource.ts'
import { Ledger } from './ledger.ts'
import { command } from '../support/stasis-command.ts'
import { type Observer, runningGuests } from './observer.ts'

/** What a scenario has at hand. */
export interface Stage {
  readonly bed: Bed
  readonly cell: Cell
  readonly observer: Observer
  /** The guest of most scenarios, a resource of the cluster. */
  readonly guest: Ledger
  readonly emulator: string
  readonly resourceOf: ResourceOf
}

/** A row of the table. */
export interface Outcome {
  /** What became of the guest. */
  readonly outcome: string
  /** Seconds from the order, or the fault, until the guest wrote again, if that has a meaning. */
  readonly seconds?: number
}

/** One thing that happens to a cluster. It leaves all nodes online, and the guest running. */
export interface Scenario {
  readonly name: string
  run(stage: Stage): Promise<Outcome>
}

/** Adds the guest to a cluster. */
export async function prepare(
  bed: Bed,
  observer: Observer,
  { emulator, resourceOf = domainResource }: { emulator: string; resourceOf?: ResourceOf },
): Promise<Stage> {
  const cell = new Cell(bed)
  const environment = [`STASIS_STATE_DIR=${sharedState(bed)}`, 'STASIS_RUNTIME_DIR=/run/stasis']
  await bed.must('n1', 'env', ...environment, command, 'state-share')
  await bed.must('n1', 'mkdir', '-p', join(bed.shared, 'snapshots'))
  const guest = await Ledger.make(bed, 'ledger', emulator)
  await cell.add(resourceOf(bed, guest))
  await cell.started(guest.name)
  await guest.writesAgain()
  return { bed, cell, observer, guest, emulator, resourceOf }
}

/** Runs a scenario, and checks what must hold in each: never two QEMUs, no count repeated or lost. */
export async function perform(scenario: Scenario, stage: Stage): Promise<Outcome> {
  const { guest, observer } = stage
  const outcome = await scenario.run(stage)
  guest.assertUnbroken()
  assert.deepEqual(observer.doubles, [], `${scenario.name}: a guest had two QEMUs`)
  return outcome
}

/** Parks the guest, and compares its disk with its log. */
export async function finish({ cell, guest, observer }: Stage): Promise<void> {
  await cell.targetRole(guest.name, 'Stopped')
  await cell.stopped(guest.name)
  guest.assertUnbroken()
  guest.assertDisk()
  assert.deepEqual(observer.doubles, [])
  assert.equal(observer.most(guest.name), 1, 'the observer saw the guest')
  assert.ok(observer.samples > 10)
}

/** The node where the guest runs. */
export function nodeOf({ cell, guest }: Stage): Promise<Node> {
  return cell.started(guest.name)
}

/** The nodes where it does not. */
export function others(node: Node): readonly Node[] {
  return NODES.filter((each) => each !== node)
}

/** The pids of the QEMUs of a guest. */
export function qemusOf(guest: Ledger): readonly number[] {
  return runningGuests(dirname(guest.config))
    .filter((each) => each.guest === guest.name)
    .map(({ pid }) => pid)
}
