import { openImage } from '../../src/image/open-image.ts'
import type { MachineStart, MachineWriter } from '../../src/transfer/convert/machine-writer.ts'
import { copyMachine } from '../../src/transfer/convert/source.ts'

/** The content of the RAM block called `name` in an image of any format. */
export async function imageMemory(path: string, name = 'pc.ram'): Promise<Buffer> {
  await using machine = await openImage(path, { direct: false })
  let memory: Buffer = Buffer.alloc(0)
  let wanted = -1
  const sink: MachineWriter = {
    fileBytes: 0,
    begin: async ({ blocks }: MachineStart) => {
      wanted = blocks.findIndex((block) => block.name === name)
      memory = Buffer.alloc(blocks[wanted]?.length ?? 0)
    },
    add: async (block, firstPage, bytes) => {
      if (block === wanted) memory.set(bytes, firstPage * 4096)
    },
    publish: () => Promise.resolve(0),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  await copyMachine(machine, sink, { workers: 2, onRead: () => undefined })
  if (wanted < 0) throw new Error(`${path} has no RAM block ${name}`)
  return memory
}

/** Where the guest of `test/guests/pages.s` writes. */
const START = 0x200000

/**
 * What the memory of that guest says about the moment of an image: the number of its pass, and how many pages of it were done. Throws unless the memory is that
 * of one moment.
 */
export function momentOf(
  memory: Buffer,
  pageCount: number,
): { readonly pass: number; readonly pages: number } {
  const pass = memory.readUInt32LE(START)
  const states = Array.from({ length: pageCount }, (_, page) => {
    const address = START + page * 4096
    const isVanishing = page % 8 === 7
    const left = (number: number): number => (isVanishing && number % 2 === 1 ? 0 : number)
    const words = [memory.readUInt32LE(address), memory.readUInt32LE(address + 4092)]
    if (words.every((word) => word === left(pass))) return 'n'
    if (words.every((word) => word === left(pass - 1))) return 'o'
    // The guest was stopped between its two writes to the page.
    if (words[0] === left(pass) && words[1] === left(pass - 1)) return 's'
    throw new Error(`page ${page} has ${words.join(' and ')} in pass ${pass}`)
  }).join('')
  const done = /^(?<done>n*)s?o*$/.exec(states)?.groups?.['done']
  if (done === undefined) throw new Error(`pages of several moments: ${states}`)
  return { pass, pages: done.length }
}
