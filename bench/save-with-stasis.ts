import { join } from 'node:path'
import type { FrameCodec } from '../src/image/stasis/frame-codec.ts'
import { openStasisReceiver } from '../src/transfer/image-receivers/stasis.ts'
import { BenchMachine } from './machine.ts'

// Each measurement is a process of its own, so that its peak memory is that of this save.
const [
  emulator = '',
  directory = '',
  filledPath = '',
  ramBytes = '',
  channels = '',
  compression = '',
  level = '',
  path = '',
] = process.argv.slice(2)

await using machine = await BenchMachine.start({
  emulator,
  directory,
  ramBytes: Number(ramBytes),
  memory: 'memory-backend-ram',
  incoming: false,
})
machine.fill(filledPath, Number(ramBytes))
await machine.qmp.execute('migrate-set-capabilities', {
  capabilities: [{ capability: 'multifd', state: true }],
})
await machine.qmp.execute('migrate-set-parameters', {
  'multifd-channels': Number(channels),
  'max-bandwidth': 2 ** 50,
})
const cpuBefore = process.cpuUsage()
const qemuBefore = machine.processorSeconds()
const started = performance.now()
await using target = await openStasisReceiver({
  path,
  socketPath: join(directory, 'migration'),
  description: { xml: '<domain/>', cookie: undefined, wasRunning: false },
  channels: Number(channels),
  codec: compression as FrameCodec,
  multifdCompression: 'none',
  compressionLevel: level === 'adaptive' ? level : Number(level),
  direct: true,
})
await machine.qmp.execute('migrate', { uri: target.uri })
await target.received
const receivedMs = performance.now() - started
const image = await target.publish()
const seconds = (performance.now() - started) / 1000
const cpu = process.cpuUsage(cpuBefore)
console.log(
  JSON.stringify({
    seconds,
    publishSeconds: seconds - receivedMs / 1000,
    fileBytes: image.allocatedBytes,
    processorSeconds: (cpu.user + cpu.system) / 1e6,
    qemuProcessorSeconds: machine.processorSeconds() - qemuBefore,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  }),
)
