import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { MemoryFile } from '../../io/memory/memory-file.ts'
import { RunWriter } from './run-writer.ts'

test('RunWriter puts pieces where they belong, whether they follow each other or not', async () => {
  const source = Uint8Array.from({ length: 10 }, (_, at) => at + 1)
  using one = new MemoryFile('one', 12)
  using other = new MemoryFile('other', 4)
  const writer = new RunWriter()
  writer.write(one.fd, source.subarray(0, 2), 0)
  writer.write(one.fd, source.subarray(2, 4), 2)
  // A gap in the file, a gap in memory, another file, other memory.
  writer.write(one.fd, source.subarray(4, 6), 6)
  writer.write(one.fd, source.subarray(7, 8), 8)
  writer.write(other.fd, source.subarray(8, 10), 1)
  writer.write(other.fd, Uint8Array.of(99), 3)
  writer.flush()
  writer.flush()
  const read = async ({ fd }: MemoryFile): Promise<number[]> => [
    ...(await readFile(`/proc/self/fd/${fd}`)),
  ]
  assert.deepEqual(await read(one), [1, 2, 3, 4, 0, 0, 5, 6, 8, 0, 0, 0])
  assert.deepEqual(await read(other), [0, 9, 10, 99])
})
