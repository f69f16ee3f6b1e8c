import assert from 'node:assert/strict'
import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { chooseLoader } from '../../src/domain/memory-sources/choose-loader.ts'
import type { MemorySource } from '../../src/domain/memory-sources/memory-source.ts'
import { openImage } from '../../src/image/open-image.ts'
import type { SaveFormat } from '../../src/image/save-format.ts'
import type { FrameCodec } from '../../src/image/stasis/frame-codec.ts'
import { OUR_VIEW } from '../../src/domain/machine/qemu-view.ts'
import { type MigrationFeatures, probeMigration } from '../../src/migration/features.ts'
import { startOutgoing } from '../../src/migration/outgoing.ts'
import { contVm, stopVm } from '../../src/migration/run-state.ts'
import { openChannelsReceiver } from '../../src/transfer/image-receivers/channels.ts'
import { openRawReceiver } from '../../src/transfer/image-receivers/raw.ts'
import type {
  ImageReceiver,
  ImageReceiverOptions,
  SavedImage,
} from '../../src/transfer/image-receiver.ts'
import { startStasisReceiver } from '../../src/transfer/image-receivers/stasis.ts'
import type { MultifdCompression } from '../../src/wire/multifd-packet.ts'
import { GuestConsole } from '../support/guest-console.ts'
import { guestArgv, guestPaths } from '../support/guests.ts'
import { newestQemu, withQemu11 } from '../support/qemus.ts'
import { type SmallGuest, startSmallGuest } from '../support/small-guest.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

const RAM = 64 * 1024 * 1024

/** The memory bounds the length of a single stream. */
const xml = `<domain type='qemu'><name>tiny</name><memory unit='b'>${RAM}</memory><os><type>hvm</type></os></domain>`
const description = { xml, cookie: undefined, wasRunning: true }

const targets: Partial<
  Record<SaveFormat, (options: ImageReceiverOptions) => Promise<ImageReceiver>>
> = {
  raw: openRawReceiver,
  channels: openChannelsReceiver,
  stasis: (options) => startStasisReceiver(options).open(options),
}

interface SaveKind {
  readonly format: SaveFormat
  readonly channels: number
  readonly codec?: FrameCodec
  readonly multifdCompression?: MultifdCompression
}

/** A tiny guest whose RAM is in a backend with the name of its block. */
function tinyArgv(serial: string, memory: readonly string[]): string[] {
  const backend = ['-machine', 'memory-backend=pc.ram', ...memory, '-serial', `file:${serial}`]
  return [...backend, ...guestArgv('tiny')]
}

async function save(guest: SmallGuest, path: string, kind: SaveKind): Promise<SavedImage> {
  const { qmp } = guest
  await stopVm(qmp)
  const features = await probeMigration(qmp)
  await using target = await (targets[kind.format] as typeof openRawReceiver)({
    codec: 'none',
    multifdCompression: 'none',
    ...kind,
    path,
    socketPath: join(guest.directory, 'save'),
    description,
    compressionLevel: 1,
    direct: true,
  })
  const { uri, multifd } = target
  const zeroPageDetection = features.zeroPageDetections.includes('multifd') ? 'multifd' : undefined
  await using migration = await startOutgoing(qmp, {
    channels: multifd.channels,
    multifdCompression: multifd.compression,
    uri,
    features,
    zeroPageDetection,
  })
  await Promise.all([migration.completed(), target.received])
  return await target.publish()
}

async function restore(emulator: string, path: string, serial: string): Promise<SmallGuest> {
  await using machine = await openImage(path, { direct: true })
  await using scratch = await tempDir()
  const backends = [{ id: 'pc.ram', length: RAM }]
  const load = chooseLoader(machine, { backends, capabilities: [] })
  const paths = { migrationSocket: scratch.join('in') }
  await using source = load({ paths, readers: 2, signal: undefined })
  const guest = await launch(emulator, serial, source)
  try {
    const control = guest.qmp
    const features = (): Promise<MigrationFeatures> => probeMigration(control)
    const qemu = { control, pid: undefined, view: OUR_VIEW, fresh: false, features }
    await source.bring(qemu, { signal: undefined, report: () => undefined })
    return guest
  } catch (error) {
    await guest[Symbol.asyncDispose]()
    throw error
  }
}

function launch(
  emulator: string,
  serial: string,
  { launchNeeds }: MemorySource,
): Promise<SmallGuest> {
  const memory = launchNeeds.memory.get('pc.ram')
  const backend =
    memory === undefined
      ? `memory-backend-ram,id=pc.ram,size=${RAM}`
      : `memory-backend-file,id=pc.ram,mem-path=/proc/self/fd/3,size=${RAM},share=on`
  const argv = [...tinyArgv(serial, ['-object', backend]), '-S', '-incoming', 'defer']
  return startSmallGuest(emulator, argv, memory === undefined ? [] : [memory.fd])
}

/** Saves a counting guest, restores it, and waits until it has continued to count with the right checksum. */
async function roundTrip(emulator: string, dir: TempDir, kind: SaveKind): Promise<SavedImage> {
  const [before, after, path] = [dir.join('before'), dir.join('after'), dir.join('image')]
  const { tinySum } = guestPaths()
  const saved = await (async () => {
    const backend = ['-object', `memory-backend-ram,id=pc.ram,size=${RAM}`]
    await using guest = await startSmallGuest(emulator, tinyArgv(before, backend))
    await using console = GuestConsole.follow(before)
    await console.waitForLine(new RegExp(`^CNT 00000003 SUM ${tinySum}$`))
    return await save(guest, path, kind)
  })()
  await using guest = await restore(emulator, path, after)
  await contVm(guest.qmp)
  await using console = GuestConsole.follow(after)
  for (let line = 0; line < 3; line += 1)
    await console.waitForLine(new RegExp(`^CNT [0-9a-f]{8} SUM ${tinySum}$`))
  const count = async (log: string): Promise<number[]> =>
    [...(await readFile(log, 'latin1')).matchAll(/CNT ([0-9a-f]{8}) SUM/g)].map((match) =>
      Number.parseInt(match[1] ?? '', 16),
    )
  const counts = [...(await count(before)), ...(await count(after))]
  // The line that the guest was writing at the save is torn between the two files.
  assert.ok(Math.abs((counts.at(-1) ?? 0) - counts.length) <= 1, `${counts.join(' ')}`)
  return saved
}

for (const { label, emulator, missing, skipMost } of withQemu11(newestQemu())) {
  const skip = missing ?? skipMost
  describe(`QEMU ${label}`, { skip }, () => {
    const kinds: SaveKind[] = [
      { format: 'raw', channels: 0 },
      { format: 'channels', channels: 1, multifdCompression: 'none' },
      { format: 'channels', channels: 4, multifdCompression: 'zstd' },
      { format: 'channels', channels: 3, multifdCompression: 'zlib' },
      { format: 'stasis', channels: 2, codec: 'zstd' },
      { format: 'stasis', channels: 2, codec: 'none' },
    ]
    for (const kind of kinds) {
      test(`a guest continues from a ${kind.format} image of ${kind.channels} channels, ${kind.codec ?? kind.multifdCompression ?? 'none'}`, async () => {
        await using dir = await tempDir()
        const saved = await roundTrip(emulator, dir, kind)
        const files = (await readdir(dir.path)).filter((name) => /image/.test(name)).sort()
        const channels = kind.format === 'channels' ? kind.channels : 0
        assert.deepEqual(files, [
          'image',
          ...Array.from({ length: channels }, (_, channel) => `image.${channel + 1}`),
        ])
        const sizes = await Promise.all(files.map((name) => stat(dir.join(name))))
        assert.equal(
          saved.fileBytes,
          sizes.reduce((sum, { size }) => sum + size, 0),
        )
        assert.ok(sizes.every(({ mode }) => (mode & 0o777) === 0o600))
      })
    }
  })
}
