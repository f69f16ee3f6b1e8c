import { MainStreamParser } from '../../src/wire/main-stream.ts'

const PAGE_SIZE = 4096

/** Records the stream that QEMU sends to this process while `save` runs. Returns the RAM block called `name`: of each page the version that was sent last. */
export async function newestSent(save: () => Promise<void>, name = 'pc.ram'): Promise<Buffer> {
  const chunks: Buffer[] = []
  const { prototype } = MainStreamParser
  const method = Object.getOwnPropertyDescriptor(prototype, 'feed') as PropertyDescriptor
  const feed = method.value as (chunk: Uint8Array) => void
  Object.defineProperty(prototype, 'feed', {
    ...method,
    value(this: MainStreamParser, chunk: Uint8Array) {
      chunks.push(Buffer.from(chunk))
      Reflect.apply(feed, this, [chunk])
    },
  })
  try {
    await save()
  } finally {
    Object.defineProperty(prototype, 'feed', method)
  }
  let memory: Buffer = Buffer.alloc(0)
  let wanted = -1
  const parser = new MainStreamParser({
    blocks: (blocks) => {
      wanted = blocks.findIndex((block) => block.name === name)
      memory = Buffer.alloc(blocks[wanted]?.length ?? 0)
    },
    zeroPages: (block, first, count) => {
      if (block === wanted) memory.fill(0, first * PAGE_SIZE, (first + count) * PAGE_SIZE)
    },
    page: (block, page, bytes) => {
      if (block === wanted) memory.set(bytes, page * PAGE_SIZE)
    },
  })
  for (const chunk of chunks) parser.feed(chunk)
  return memory
}
