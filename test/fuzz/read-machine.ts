import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { inspectImage } from '../../src/domain/images/image-info.ts'
import { openImage } from '../../src/image/open-image.ts'
import type { PageStore } from '../../src/image/saved-machine.ts'
import type { MachineStart, MachineWriter } from '../../src/transfer/convert/machine-writer.ts'
import { copyMachine } from '../../src/transfer/convert/source.ts'
import { openWriter } from '../../src/transfer/convert/writer-table.ts'
import type { DeviceState } from '../../src/wire/device-state.ts'
import { PAGE_SIZE } from '../../src/wire/page-size.ts'
import { Broken } from './parser.ts'

/** Images with more memory than this are opened, but not read: a page is a hash here, and a write into a file. */
const MOST_BYTES = 64 * 1024 * 1024

/**
 * Opens an image, reads all of it, and checks what comes out. A quarter of the inputs, always the same ones, is also inspected; another quarter is
 * written as a `stasis` image, which must contain the same machine.
 */
export async function readMachine(
  path: string,
  directory: string,
  input: Uint8Array,
): Promise<void> {
  const turn = Number.parseInt(hashOf(input).slice(0, 2), 16) % 4
  if (turn === 0) await inspectImage(path)
  const first = await contentOf(path)
  if (first === undefined || turn !== 1) return
  const copy = join(directory, 'copy')
  try {
    await writeCopy(path, copy)
    const second = await contentOf(copy)
    if (second !== first)
      throw new Broken(`written as stasis and read again, ${first} is ${second}`)
  } finally {
    await rm(copy, { force: true })
  }
}

async function contentOf(path: string): Promise<string | undefined> {
  await using machine = await openImage(path, { direct: false })
  const { pages, deviceState } = machine
  if (pages !== undefined && sumOf(pages) > MOST_BYTES) return undefined
  if (pages !== undefined) await checkPages(pages)
  if (deviceState !== undefined) await deviceState()
  const sink = new CheckingSink()
  const state = await copyMachine(machine, sink, { workers: 2, onRead: () => undefined })
  return sink.content(state)
}

async function writeCopy(path: string, copy: string): Promise<void> {
  await using machine = await openImage(path, { direct: false })
  await using writer = await openWriter('stasis', copy, {
    description: machine.description,
    uuid: '00000000-0000-0000-0000-000000000000',
    channels: 1,
    codec: 'zlib',
    compressionLevel: 1,
    direct: false,
  })
  await writer.publish(await copyMachine(machine, writer, { workers: 2, onRead: () => undefined }))
}

function sumOf(pages: PageStore): number {
  let sum = 0
  for (let frame = 0; frame < pages.frameCount; frame += 1) sum += pages.range(frame).pageCount
  return sum * PAGE_SIZE
}

/** What `PageStore` promises. */
async function checkPages(pages: PageStore): Promise<void> {
  let [block, page] = [0, 0]
  for (let frame = 0; frame < pages.frameCount; frame += 1) {
    const range = pages.range(frame)
    if (range.block < block || (range.block === block && range.firstPage < page))
      throw new Broken(`frame ${frame} is out of order`)
    ;[block, page] = [range.block, range.firstPage + range.pageCount]
    if (page * PAGE_SIZE > (pages.blocks[block]?.length ?? 0))
      throw new Broken(`frame ${frame} is outside its block`)
  }
  const frames = [...pages.groups(1024 * 1024)].flatMap((group) => [...group])
  if (frames.toSorted((a, b) => a - b).some((frame, at) => frame !== at))
    throw new Broken('the groups do not contain each frame once')
  for (const frame of frames.slice(0, 200)) {
    const bytes = await pages.read(frame, 0)
    if (bytes.length !== pages.range(frame).pageCount * PAGE_SIZE)
      throw new Broken(`frame ${frame} has ${bytes.length} bytes`)
  }
}

/** Takes a machine as a writer does, and keeps what a reader of its image would find. */
class CheckingSink implements MachineWriter {
  readonly fileBytes = 0
  #start: MachineStart | undefined
  readonly #pages = new Map<string, string>()

  async begin(start: MachineStart): Promise<void> {
    if (this.#start !== undefined) throw new Broken('a machine begins twice')
    this.#start = start
    await Promise.resolve()
  }

  async add(block: number, firstPage: number, bytes: Uint8Array): Promise<void> {
    const length = this.#start?.blocks[block]?.length ?? 0
    const isWhole = bytes.length > 0 && bytes.length % PAGE_SIZE === 0
    if (!isWhole || !Number.isInteger(firstPage) || firstPage * PAGE_SIZE + bytes.length > length)
      throw new Broken(`${bytes.length} bytes at page ${firstPage} of a block of ${length} bytes`)
    for (let at = 0; at < bytes.length; at += PAGE_SIZE) {
      const key = `${block}:${firstPage + at / PAGE_SIZE}`
      if (this.#pages.has(key)) throw new Broken(`page ${key} twice`)
      const page = bytes.subarray(at, at + PAGE_SIZE)
      this.#pages.set(key, page.some((byte) => byte !== 0) ? hashOf(page) : '')
    }
    await Promise.resolve()
  }

  publish(): Promise<number> {
    return Promise.resolve(0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve()
  }

  content({ head, ramSection, sections, tail }: DeviceState): string {
    const pages = [...this.#pages]
      .filter(([, hash]) => hash !== '')
      .map((entry) => entry.join(' '))
      .toSorted((a, b) => a.localeCompare(b))
    return JSON.stringify([
      (this.#start?.blocks ?? []).map(({ name, length }) => [name, length]),
      hashOf(Buffer.from(JSON.stringify(pages))),
      [head, sections, tail].map(hashOf),
      ramSection,
    ])
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex')
}
