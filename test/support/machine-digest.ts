import { createHash } from 'node:crypto'
import { openImage } from '../../src/image/open-image.ts'
import { contentPages } from '../../src/transfer/convert/content-pages.ts'
import type { MachineWriter, MachineStart } from '../../src/transfer/convert/machine-writer.ts'
import { copyMachine } from '../../src/transfer/convert/source.ts'
import type { DeviceState } from '../../src/wire/device-state.ts'
import { PAGE_SIZE } from '../../src/wire/page-size.ts'

/** A digest of an image's content, to compare images of different formats. It is equal if description, memory and devices are. */
export interface MachineDigest {
  readonly xml: string
  readonly cookie: string | undefined
  readonly wasRunning: boolean
  readonly blocks: readonly string[]
  /** The digest of each page that is not zero, by block and number. */
  readonly pages: string
  readonly pageCount: number
  readonly devices: string
}

/** Reads a whole image. */
export async function machineDigest(path: string): Promise<MachineDigest> {
  await using machine = await openImage(path, { direct: false })
  const sink = new DigestSink()
  const state = await copyMachine(machine, sink, { workers: 2, onRead: () => undefined })
  const devices = createHash('sha256')
  for (const part of [sink.start?.head ?? '', state.sections, state.tail]) devices.update(part)
  const pages = [...sink.pages].toSorted()
  return {
    ...machine.description,
    blocks: (sink.start?.blocks ?? []).map(({ name, length }) => `${name}:${length}`),
    pages: createHash('sha256').update(pages.join('\n')).digest('hex'),
    pageCount: pages.length,
    devices: devices.digest('hex'),
  }
}

class DigestSink implements MachineWriter {
  readonly fileBytes = 0
  readonly pages = new Set<string>()
  start: MachineStart | undefined

  async begin(start: MachineStart): Promise<void> {
    this.start = start
    await Promise.resolve()
  }

  async add(block: number, firstPage: number, bytes: Uint8Array): Promise<void> {
    for (const pages of contentPages(firstPage, bytes)) {
      for (let page = 0; page < pages.pageCount; page += 1) {
        const digest = createHash('sha1')
          .update(pages.bytes.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE))
          .digest('hex')
        this.pages.add(`${block}:${pages.firstPage + page}:${digest}`)
      }
    }
    await Promise.resolve()
  }

  publish(_state: DeviceState): Promise<number> {
    return Promise.resolve(0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve()
  }
}
