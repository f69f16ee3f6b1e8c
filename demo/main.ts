// Saves a running Linux guest to a file over parallel channels, restores it, and lets the guest check its own memory.
import { setTimeout as delay } from 'node:timers/promises'
import { ProgressDisplay } from '../src/cli/terminal/progress-display.ts'
import { Output } from '../src/cli/terminal/output.ts'
import { formatBytes, formatDuration } from '../src/cli/terminal/quantity.ts'
import {
  type RestoreResult,
  type SaveResult,
  defineDomain,
  destroyDomain,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../src/index.ts'
import { domainXml } from '../test/support/domain-xml.ts'
import { GuestConsole } from '../test/support/guest-console.ts'
import { kvmWorks } from '../test/support/kvm.ts'
import { qemus } from '../test/support/qemus.ts'
import { tempDir } from '../test/support/temp-dir.ts'

const NAME = 'demo'
const MEMORY_MIB = 256
const FILLED_MIB = 96
const SLOW = { timeoutMs: 90_000 }

const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => interrupted.abort(new Error(`Received ${name}`)))
const { signal } = interrupted

const output = new Output((error) => {
  throw error
})
const say = (text: string): void => output.result(text)
using display = new ProgressDisplay({ json: false, quiet: false, output })
const onProgress = display.show

await using dir = await tempDir()
const [stateDir, image, serial] = [dir.join('state'), dir.join('demo.save'), dir.join('serial')]
const [qemu] = qemus()
const accelerator = (await kvmWorks()) ? 'kvm' : 'qemu'

try {
  say(
    `Starting a Linux guest with ${MEMORY_MIB} MiB of memory on QEMU ${qemu?.label}, ${accelerator === 'kvm' ? 'with KVM' : 'emulated'}`,
  )
  const before = await boot()
  say(
    `The guest has filled its memory: ${FILLED_MIB} MiB of random words, text and zeros; checksum ${before.sum}, tick ${before.tick}`,
  )

  say(`Saving it to ${image}`)
  const saved = await saveDomain(NAME, image, {
    ...{ stateDir, signal, onProgress },
    channels: 4,
    compression: 'zstd',
  })
  say('QEMU has ended. The guest is in that file and nowhere else. Restoring it')
  const restored = await restoreDomain(image, { stateDir, signal, onProgress })

  const after = await look()
  say(`The guest continues: checksum ${after.sum}, tick ${after.tick}`)
  check(after.sum === before.sum, 'the checksum of the memory has changed')
  check(after.tick > before.tick, 'the counter does not continue')
  check(after.uptime > before.uptime, 'the guest was rebooted')
  say(table(saved, restored))
  say('demo: ok')
} finally {
  await destroyDomain(NAME, { stateDir }).catch(() => undefined)
}

interface Look {
  readonly sum: string
  readonly tick: number
  readonly uptime: number
}

/** Defines and starts the guest, and has it fill its memory. */
async function boot(): Promise<Look> {
  const xml = domainXml({
    ...{ name: NAME, guest: 'linux', type: accelerator, memoryMib: MEMORY_MIB },
    emulator: qemu?.emulator ?? '',
    serial: { type: 'unix', path: serial },
  })
  await defineDomain(xml, { stateDir })
  await startDomain(NAME, { stateDir, signal })
  await using console = await GuestConsole.connect(serial)
  await console.waitForLine(/^TICK /, SLOW)
  await console.ask(`fill ${FILLED_MIB}`, /^FILLED (\w+)/, SLOW)
  return await ask(console)
}

/** Asks the restored guest the same questions. */
async function look(): Promise<Look> {
  await using console = await GuestConsole.connect(serial)
  return await ask(console)
}

async function ask(console: GuestConsole): Promise<Look> {
  const [, sum = ''] = await console.ask('sum', /^SUM (\w+)/, SLOW)
  const [, uptime] = await console.ask('uptime', /^UPTIME ([\d.]+)/, SLOW)
  const [, tick] = await console.waitForLine(/^TICK (\d+)/, SLOW)
  await delay(0, undefined, { signal })
  return { sum, tick: Number(tick), uptime: Number(uptime) }
}

function check(right: boolean, complaint: string): void {
  if (!right) throw new Error(`The restored guest is not the saved one: ${complaint}`)
}

function table(saved: SaveResult, restored: RestoreResult): string {
  const rows = [
    ['RAM', formatBytes(saved.image.ramBytes)],
    ['of it zero', formatBytes(saved.image.zeroBytes)],
    ['File', formatBytes(saved.image.fileBytes)],
    ['Save', formatDuration(saved.timing.totalMs)],
    ['Downtime', formatDuration(saved.timing.downtimeMs)],
    ['Save throughput', `${formatBytes(saved.throughputBytesPerSecond)}/s`],
    ['Restore', formatDuration(restored.timing.totalMs)],
    ['Restore throughput', `${formatBytes(restored.throughputBytesPerSecond)}/s`],
  ]
  return rows
    .map(([name = '', value = '']) => `  ${name.padEnd(20)}${value.padStart(12)}`)
    .join('\n')
}
