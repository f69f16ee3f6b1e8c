import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openImageFile } from '../src/image/opened-image.ts'
import type { SaveFormat } from '../src/image/save-format.ts'
import type { FrameCodec } from '../src/image/stasis/frame-codec.ts'
import { MAX_ADD_LENGTH } from '../src/transfer/convert/machine-writer.ts'
import { openWriter } from '../src/transfer/convert/writer-table.ts'
import { PAGE_SIZE } from '../src/wire/page-size.ts'
import type { Measurement, Scenario } from './rounds.ts'
import type { BenchSetting } from './setting.ts'

const run = promisify(execFile)

/** The images to convert; they have more than one member. */
const SOURCES = ['zstd', 'gzip'] as const
const RECEIVERS = ['raw', 'sparse', 'stasis'] as const

/** Writes the images to convert, of a machine with nothing but RAM. */
export async function makeConvertImages(setting: BenchSetting): Promise<void> {
  for (const format of SOURCES) await makeImage(setting, { name: format, format, codec: 'none' })
}

/** Conversions, each beside the usual tool that only decompresses. */
export function convertScenarios(setting: BenchSetting): readonly Scenario[] {
  return SOURCES.flatMap((source) => [
    { name: `${source} -dc alone`, measure: () => decompressAlone(setting, source) },
    ...RECEIVERS.map((target) => ({
      name: `${source} to ${target}`,
      measure: () => convertOne(setting, source, target),
    })),
  ])
}

async function convertOne(
  { directory }: BenchSetting,
  source: SaveFormat,
  target: SaveFormat,
): Promise<Measurement> {
  const output = join(directory, 'converted')
  const script = join(import.meta.dirname, 'convert-with-stasis.ts')
  const { stdout } = await run(process.execPath, [
    ...['--disable-warning=ExperimentalWarning', script],
    ...[join(directory, source), output, target, join(directory, 'state')],
  ])
  await rm(output)
  return { ...(JSON.parse(stdout) as Measurement), qemuProcessorSeconds: 0 }
}

async function decompressAlone({ directory }: BenchSetting, tool: string): Promise<Measurement> {
  const path = join(directory, tool)
  const { file, bodyOffset, fileLength } = await openImageFile(path, { direct: false })
  await file.close()
  const startMs = performance.now()
  const child = spawn(
    '/bin/sh',
    ['-c', `tail -c +${bodyOffset + 1} "$1" | ${tool} -dc > /dev/null`, 'sh', path],
    { stdio: 'ignore' },
  )
  await once(child, 'close')
  const seconds = (performance.now() - startMs) / 1000
  return { seconds, fileBytes: fileLength, processorSeconds: 0, qemuProcessorSeconds: 0 }
}

/** Writes an image of a machine with nothing but RAM, with the content of `filledPath`. Returns its path. */
export async function makeImage(
  setting: BenchSetting,
  image: { readonly name: string; readonly format: SaveFormat; readonly codec: FrameCodec },
): Promise<string> {
  const { directory, filledPath, ramBytes } = setting
  const path = join(directory, image.name)
  await using sink = await openWriter(image.format, path, {
    description: { xml: XML, cookie: undefined, wasRunning: true },
    uuid: '',
    channels: 1,
    codec: image.codec,
    compressionLevel: 'adaptive',
    direct: true,
  })
  const head = Buffer.concat([Buffer.from([0x51, 0x45, 0x56, 0x4d, 0, 0, 0, 3]), CONFIGURATION])
  await sink.begin({ head, ramSection: 2, blocks: [{ name: 'pc.ram', length: ramBytes }] })
  await using file = await open(filledPath)
  const bytes = Buffer.alloc(MAX_ADD_LENGTH)
  for (let at = 0; ; at += bytes.length) {
    const { bytesRead } = await file.read(bytes, 0, bytes.length, at)
    if (bytesRead === 0) break
    await sink.add(0, at / PAGE_SIZE, bytes.subarray(0, bytesRead))
  }
  const tail = Buffer.from([0])
  await sink.publish({ head, ramSection: 2, sections: Buffer.alloc(100_000, 1), tail })
  return path
}

const MACHINE = 'pc-q35-10.0'
const CONFIGURATION = Buffer.from([7, 0, 0, 0, MACHINE.length, ...Buffer.from(MACHINE)])
const XML = `<domain type='qemu'>
  <name>bench</name>
  <uuid>6d7f2a0e-35f1-4d8e-9b57-0a3b8a1b0b5e</uuid>
  <memory>4194304</memory>
  <os><type arch='x86_64' machine='${MACHINE}'>hvm</type></os>
</domain>
`
