import assert from 'node:assert/strict'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { type TempDir, tempDir } from '../../../test/support/temp-dir.ts'
import { findEmulator } from './find-emulator.ts'

async function program(
  dir: TempDir,
  directory: string,
  name: string,
  mode: number,
): Promise<string> {
  await mkdir(dir.join(directory), { recursive: true })
  await writeFile(dir.join(directory, name), '')
  await chmod(dir.join(directory, name), mode)
  return dir.join(directory, name)
}

test('findEmulator() returns the first executable in the search path', async () => {
  await using dir = await tempDir()
  await program(dir, 'a', 'qemu-system-x86_64', 0o644)
  const first = await program(dir, 'b', 'qemu-system-x86_64', 0o755)
  await program(dir, 'c', 'qemu-system-x86_64', 0o755)
  const searchPath = ['a', 'b', 'c'].map((name) => dir.join(name)).join(':')
  // Only root may run a file without an x bit, and even root may not run this one.
  assert.equal(await findEmulator({ searchPath: `:${searchPath}` }), first)
})

test('findEmulator() looks for the architecture of the domain', async () => {
  await using dir = await tempDir()
  const arm = await program(dir, 'bin', 'qemu-system-aarch64', 0o755)
  const i386 = await program(dir, 'bin', 'qemu-system-i386', 0o755)
  const searchPath = dir.join('bin')
  assert.equal(await findEmulator({ architecture: 'aarch64', searchPath }), arm)
  assert.equal(await findEmulator({ architecture: 'i686', searchPath }), i386)
  await assert.rejects(findEmulator({ architecture: 'm68k', searchPath }), {
    code: 'QEMU_NOT_FOUND',
    hint: /qemu-system/,
  })
})

test('findEmulator() accepts no other program than the one in the XML', async () => {
  await using dir = await tempDir()
  const emulator = await program(dir, 'bin', 'qemu', 0o755)
  assert.equal(await findEmulator({ emulator }), emulator)
  const missing = dir.join('bin', 'missing')
  await assert.rejects(findEmulator({ emulator: missing }), {
    code: 'QEMU_NOT_FOUND',
    path: missing,
  })
  await assert.rejects(findEmulator({ emulator: missing, architecture: 'aarch64' }), {
    message: /^There is no QEMU for aarch64 guests at /,
    hint: /apt-get install qemu-system-arm/,
  })
})
