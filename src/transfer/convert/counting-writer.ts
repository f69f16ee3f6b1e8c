import { contentPages } from './content-pages.ts'
import type { MachineWriter, MachineStart } from './machine-writer.ts'

/** Writes nothing: counts the pages with content, block by block. */
export class CountingWriter implements MachineWriter {
  readonly fileBytes = 0
  start: MachineStart | undefined
  #dataBytes: number[] = []

  /** Bytes of pages with content in a block. */
  dataBytes(block: number): number {
    return this.#dataBytes[block] ?? 0
  }

  async begin(start: MachineStart): Promise<void> {
    this.start = start
    this.#dataBytes = start.blocks.map(() => 0)
    await Promise.resolve()
  }

  async add(block: number, firstPage: number, bytes: Uint8Array): Promise<void> {
    for (const pages of contentPages(firstPage, bytes))
      this.#dataBytes[block] = this.dataBytes(block) + pages.bytes.length
    await Promise.resolve()
  }

  publish(): Promise<number> {
    return Promise.resolve(0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve()
  }
}
