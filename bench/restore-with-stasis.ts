import { join } from 'node:path'
import { openImage } from '../src/image/open-image.ts'
import { openPagesSender } from '../src/transfer/image-senders/pages.ts'
import { BenchMachine } from './machine.ts'

// Each measurement is a process of its own, so that its peak memory is that of this restore.
const [emulator = '', directory = '', path = '', ramBytes = '', connections = ''] =
  process.argv.slice(2)

const cpuBefore = process.cpuUsage()
const started = performance.now()
await using image = await openImage(path, { direct: true })
const { pages, deviceState } = image
if (pages === undefined || deviceState === undefined) throw new Error(`${path} is one stream`)
await using sender = openPagesSender(path, pages, deviceState, {
  readers: Number(connections),
  backends: [{ id: 'pc.ram', length: Number(ramBytes) }],
})
await using machine = await BenchMachine.start({
  emulator,
  directory,
  ramBytes: Number(ramBytes),
  memory: 'memory-backend-file,share=on,mem-path=/proc/self/fd/3',
  incoming: true,
  inherit: [...sender.memoryFiles.values()],
})
const qemuStartSeconds = (performance.now() - started) / 1000
const socket = join(directory, 'incoming')
await machine.qmp.execute('migrate-incoming', { uri: `unix:${socket}` })
await sender.send(socket)
await machine.migrated()
const cpu = process.cpuUsage(cpuBefore)
console.log(
  JSON.stringify({
    seconds: (performance.now() - started) / 1000,
    qemuStartSeconds,
    fileBytes: 0,
    processorSeconds: (cpu.user + cpu.system) / 1e6,
    qemuProcessorSeconds: machine.processorSeconds(),
    peakBytes: process.resourceUsage().maxRSS * 1024,
  }),
)
