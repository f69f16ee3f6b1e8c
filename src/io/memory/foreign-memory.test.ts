import assert from 'node:assert/strict'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { koffi } from '../koffi.ts'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { readForeignMemory, readForeignMemoryAtOnce } from './foreign-memory.ts'
import { mappingsOf, openMapped, parseMappings } from './mappings.ts'
import { PrivatePages } from './private-pages.ts'

const PAGE = 4096
const PAGES = 3000
const PROT_READ_WRITE = 3
const MAP_PRIVATE = 2

/** A private mapping of a file in this process, as QEMU has one after a restore by map. */
async function mapPrivately(path: string): Promise<{ address: number; bytes: Uint8Array }> {
  const libc = koffi().load('libc.so.6')
  const mmap = libc.func(
    'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
  )
  const fd = openSync(path, 'r')
  const pointer: unknown = mmap(null, PAGES * PAGE, PROT_READ_WRITE, MAP_PRIVATE, fd, 0)
  closeSync(fd)
  const address = Number(koffi().address(pointer))
  return { address, bytes: new Uint8Array(koffi().view(pointer, PAGES * PAGE)) }
}

for (const scan of [true, false]) {
  test(`PrivatePages finds the pages that a process has written to (by a search of the kernel: ${scan})`, async () => {
    await using dir = await tempDir()
    const path = dir.join('memory')
    writeFileSync(path, Buffer.alloc(PAGES * PAGE, 7))
    const { address, bytes } = await mapPrivately(path)
    using pages = new PrivatePages(process.pid, { scan })
    assert.deepEqual(pages.find({ address, length: bytes.length }), [])
    // Reading makes no page of its own.
    assert.equal(bytes[100 * PAGE], 7)
    bytes[2 * PAGE] = 1
    bytes[4 * PAGE - 1] = 1
    bytes[2999 * PAGE] = 1
    const runs = pages.find({ address, length: bytes.length })
    assert.deepEqual(runs, [
      { address: address + 2 * PAGE, length: 2 * PAGE },
      { address: address + 2999 * PAGE, length: PAGE },
    ])
    const copy = new Uint8Array(3 * PAGE)
    readForeignMemory(process.pid, runs, copy)
    assert.deepEqual([copy[0], copy[1], copy[2 * PAGE - 1], copy[2 * PAGE]], [1, 7, 1, 1])
  })
}

test('PrivatePages finds more runs than the kernel returns at once', async () => {
  await using dir = await tempDir()
  const path = dir.join('memory')
  writeFileSync(path, Buffer.alloc(PAGES * PAGE))
  const { address, bytes } = await mapPrivately(path)
  for (let page = 0; page < PAGES; page += 2) bytes[page * PAGE] = 1
  using pages = new PrivatePages(process.pid, { regions: 64 })
  const runs = pages.find({ address, length: bytes.length })
  assert.equal(runs.length, PAGES / 2)
  assert.ok(runs.every((run, at) => run.address === address + 2 * at * PAGE && run.length === PAGE))
})

test('readForeignMemory() reads many pieces in their order, and fails where there is no memory', () => {
  const source = Buffer.from(new Uint8Array(3000 * 8).map((_, at) => at & 0xff))
  const address = Number(koffi().address(source))
  const pieces = Array.from({ length: 3000 }, (_, at) => ({ address: address + at * 8, length: 4 }))
  const target = new Uint8Array(3000 * 4)
  readForeignMemory(process.pid, pieces, target)
  assert.ok(target.every((byte, at) => byte === source[(at >> 2) * 8 + (at & 3)]))
  assert.throws(() => readForeignMemory(process.pid, [{ address: 4096, length: 8 }], target), {
    code: 'EFAULT',
  })
})

test('readForeignMemoryAtOnce() reads many and long pieces in their order, and fails where there is no memory', async () => {
  const length = 10 * 1024 * 1024
  const source = Buffer.from(Buffer.alloc(length).map((_, at) => (at * 7 + (at >> 12)) & 0xff))
  const address = Number(koffi().address(source))
  const short = Array.from({ length: 3000 }, (_, at) => ({ address: address + at * 8, length: 4 }))
  const target = new Uint8Array(length + 3000 * 4)
  await readForeignMemoryAtOnce(process.pid, [{ address, length }, ...short], target)
  assert.ok(source.equals(target.subarray(0, length)))
  const rest = target.subarray(length)
  assert.ok(rest.every((byte, at) => byte === source[(at >> 2) * 8 + (at & 3)]))
  const missing = [
    { address, length },
    { address: 4096, length: 8 },
  ]
  await assert.rejects(readForeignMemoryAtOnce(process.pid, missing, target), { code: 'EFAULT' })
})

test('mappingsOf() lists the mappings of a process, and openMapped() opens the file of one that has no name any more', async () => {
  await using dir = await tempDir()
  const path = dir.join('a name')
  writeFileSync(path, Buffer.alloc(PAGES * PAGE, 7))
  const { address } = await mapPrivately(path)
  const found = mappingsOf(process.pid).find((one) => one.address === address)
  assert.ok(found?.file !== undefined && found.isPrivate)
  assert.equal(found.length, PAGES * PAGE)
  assert.equal(found.file.path, path)
  assert.equal(openMapped(process.pid, found.file), undefined, 'it is not open')
  const kept = openSync(path, 'r')
  const fd = openMapped(process.pid, found.file)
  assert.ok(fd !== undefined && fd !== kept)
  for (const one of [kept, fd]) closeSync(one)
})

test('parseMappings() reads the table of the kernel', () => {
  const text = [
    '7f78e7e00000-7f78ebe00000 rw-p 00100000 fd:01 131 /srv/a b.save (deleted)',
    '7f78f0000000-7f78f4000000 rw-s 00000000 00:01 2048 /memfd:stasis pc.ram (deleted)',
    '7f7939000000-7f793a000000 rw-p 00000000 00:00 0 ',
    '7f7a39000000-7f7a3a000000 r-xp 00001000 fd:01 17 /usr/lib/libc.so.6',
    'ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]',
    '',
  ].join('\n')
  const [file, shared, anonymous, library] = parseMappings(text)
  assert.deepEqual(file, {
    address: 0x7f78e7e00000,
    length: 0x4000000,
    isPrivate: true,
    isWritable: true,
    file: { offset: 0x100000, inode: 131n, path: '/srv/a b.save (deleted)' },
  })
  assert.equal(shared?.isPrivate, false)
  assert.deepEqual([anonymous?.isPrivate, anonymous?.file], [true, undefined])
  assert.equal(library?.isWritable, false)
})
