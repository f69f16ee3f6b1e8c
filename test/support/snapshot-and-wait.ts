// Begins a snapshot by write protection of the domain `tiny`, receives it slowly, and prints each step: snapshot-and-wait.ts STATE_DIR [BYTES_PER_MS]
// To be killed. If the snapshot completes, it records that.
import { readSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { HeldDomain } from '../../src/domain/catalogue/held-domain.ts'
import { SnapshotGuard } from '../../src/domain/live/snapshot/snapshot-guard.ts'
import { openControl } from '../../src/domain/machine/monitor.ts'
import { prepareTransferSocket } from '../../src/domain/store/confinement.ts'
import { acceptUnix, listenUnix } from '../../src/io/system-calls.ts'

const [stateDir = '', bytesPerMs = '20000'] = process.argv.slice(2)
const say = (step: string): void => void process.stdout.write(`${step}\n`)

await using held = await HeldDomain.find('tiny', 'save', { stateDir })
await using control = await openControl(held.paths)
await using guard = await SnapshotGuard.begin(held, { running: true })
say('guarded')
await prepareTransferSocket(held.paths, held.paths.migrationSocket)
const listener = listenUnix(held.paths.migrationSocket, 1)
await control.execute('migrate-set-capabilities', {
  capabilities: [{ capability: 'background-snapshot', state: true }],
})
await control.execute('migrate', { uri: `unix:${held.paths.migrationSocket}` })
say('begun')
let fd: number | undefined
while ((fd = acceptUnix(listener)) === undefined) await delay(1)
await guard.hold(fd)
say('held')
const buffer = Buffer.alloc(Number(bytesPerMs))
for (let first = true; ;) {
  const count = take(fd)
  if (count === 0) break
  if (count !== undefined && first) say('received')
  if (count !== undefined) first = false
  await delay(1)
}
await guard.completed()
say('completed')

/** `undefined`: nothing has come. */
function take(from: number): number | undefined {
  try {
    return readSync(from, buffer)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined
    throw error
  }
}
