// `npm run test:cluster`: what becomes of a guest of a cluster when nodes are emptied, lost and cut off. Prints a table in Markdown.
// --only PATTERN: scenarios whose names match. --qemu PATH: another QEMU. --libvirt: the agent VirtualDomain with libvirt 9.0 instead of ours.
import { parseArgs } from 'node:util'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Bed, bedObstacle } from './bed.ts'
import {
  clocksApart,
  networkSplit,
  storageAway,
  storageAwayInStop,
  storageHangs,
  storageHangsInStop,
  stripFrozen,
} from './disturbances.ts'
import { daemonsKilled, nodeOff, offAfterRestore, offInRestore, offInSave } from './losses.ts'
import { nodeOffWithCheckpoints } from './checkpoints.ts'
import { domainResource, virtualDomainResource } from './domain-resource.ts'
import { Observer } from './observer.ts'
import { drain, drainMany, park, reload, wake } from './orderly.ts'
import { type Scenario, finish, perform, prepare } from './scenario.ts'

/** What both agents can. */
const BESIDE: readonly Scenario[] = [drain, park, wake, drainMany, nodeOff]
const SCENARIOS: readonly Scenario[] = [
  drain,
  park,
  wake,
  reload,
  drainMany,
  storageAway,
  storageHangs,
  storageHangsInStop,
  storageAwayInStop,
  daemonsKilled,
  nodeOff,
  nodeOffWithCheckpoints,
  offInSave,
  offInRestore,
  offAfterRestore,
  stripFrozen,
  networkSplit,
  clocksApart,
]

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    qemu: { type: 'string', default: '/usr/bin/qemu-system-x86_64' },
    libvirt: { type: 'boolean', default: false },
  },
})
const obstacle = bedObstacle()
if (obstacle !== false) {
  console.error(`test:cluster: ${obstacle}`)
  process.exit(1)
}

const withLibvirt = values.libvirt
const resourceOf = withLibvirt ? virtualDomainResource : domainResource
await using bed = await Bed.up(join(tmpdir(), `stasis-cluster-${process.pid}`), { withLibvirt })
using observer = new Observer(bed.folder)
const stage = await prepare(bed, observer, { emulator: values.qemu, resourceOf })
let failed = 0
console.log(
  `| what happens, with ${withLibvirt ? 'ocf:heartbeat:VirtualDomain' : 'ocf:stasis:Domain'} | outcome | seconds |`,
)
console.log('|---|---|---|')
for (const scenario of withLibvirt ? BESIDE : SCENARIOS) {
  if (!new RegExp(values.only).test(scenario.name)) continue
  try {
    const { outcome, seconds } = await perform(scenario, stage)
    console.log(`| ${scenario.name} | ${outcome} | ${seconds?.toFixed(1) ?? ''} |`)
  } catch (error) {
    failed++
    console.log(`| ${scenario.name} | **FAILED** | |`)
    console.error(error)
    break
  }
}
if (failed === 0) await finish(stage)
console.log(
  `\nSamples of the observer: ${observer.samples}. Doubles: ${observer.doubles.length}. Failed: ${failed}.`,
)
if (failed > 0) process.exitCode = 1
