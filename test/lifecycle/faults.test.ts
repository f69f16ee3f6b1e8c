import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { defineDomain } from '../../src/domain/lifecycle/define.ts'
import { destroyDomain } from '../../src/domain/lifecycle/destroy.ts'
import { domainInfo } from '../../src/domain/status/info.ts'
import { restoreDomain } from '../../src/domain/restore/restore.ts'
import { saveDomain, type SaveOptions } from '../../src/domain/save/save.ts'
import { startDomain } from '../../src/domain/lifecycle/start.ts'
import { domainXml } from '../support/domain-xml.ts'
import { OutsideMemory, knownContent } from '../support/outside-memory.ts'
import { newestQemu } from '../support/qemus.ts'
import { buildStasisImage } from '../support/stasis-image.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

const MIB = 1024 * 1024

const variants: readonly SaveOptions[] = [
  { format: 'stasis', compression: 'none' },
  { format: 'stasis', compression: 'zstd' },
  { format: 'raw' },
  { format: 'channels', compression: 'none' },
]

for (const { label, emulator } of newestQemu()) {
  test(
    `saveDomain() to a full disk keeps the guest running and the old file, on QEMU ${label}`,
    { timeout: 120_000 },
    async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { stateDir, dir, log } = tiny
      await using disk = await smallDisk(dir.join('disk'))
      await log.advance(1)
      for (const variant of variants) {
        const what = JSON.stringify(variant)
        await writeFile(disk.join('image'), buildStasisImage().bytes)
        await assert.rejects(
          saveDomain('tiny', disk.join('image'), { stateDir, ...variant }),
          (error: Error & { code?: string; cause?: { code?: string } }) => {
            assert.ok(
              error.code === 'NO_SPACE' || error.cause?.code === 'NO_SPACE',
              `${what}: ${error.message}`,
            )
            return true
          },
        )
        assert.deepEqual(await readdir(disk.path), ['image'], what)
        assert.equal((await domainInfo('tiny', { stateDir })).state, 'running', what)
        await log.advance(1)
      }
      await saveDomain('tiny', dir.join('image'), { stateDir })
      await restoreDomain(dir.join('image'), { stateDir })
      await log.advance(1)
      await log.assertUnbroken()
    },
  )

  test(
    `saveDomain() and restoreDomain() report that QEMU died and leave nothing, on QEMU ${label}`,
    { timeout: 180_000 },
    async () => {
      await using dir = await tempDir()
      const stateDir = dir.join('state')
      const name = `dying-${label}`
      const serial = { type: 'file', path: dir.join('serial') } as const
      await defineDomain(domainXml({ name, guest: 'tiny', emulator, serial, memoryMib: 512 }), {
        stateDir,
      })
      const image = dir.join('image')
      try {
        await fill((await startDomain(name, { stateDir, paused: true })).id)
        await saveDomain(name, image, { stateDir })
        await assert.rejects(
          restoreDomain(image, {
            mode: 'load',
            stateDir,
            onProgress: ({ phase }) => phase === 'loading' && kill(name),
          }),
          { code: 'QEMU_DIED' },
        )
        assert.deepEqual(await readdir(`${stateDir}/run`), [], 'nothing of the restore is left')
        await restoreDomain(image, { stateDir })
        const slow = { format: 'stasis', compression: 'zlib', compressionLevel: 9 } as const
        await assert.rejects(
          saveDomain(name, dir.join('second'), {
            ...{ stateDir, ...slow },
            onProgress: ({ phase }) => phase === 'transferring' && kill(name),
          }),
          (error: Error & { code?: string; cause?: { code?: string } }) =>
            error.code === 'QEMU_DIED' || error.cause?.code === 'QEMU_DIED',
        )
        const files = (await readdir(dir.path)).filter((file) => file.includes('second'))
        assert.deepEqual(files, [])
        assert.notEqual((await domainInfo(name, { stateDir })).state, 'running')
      } finally {
        await destroyDomain(name, { stateDir }).catch(() => undefined)
      }
    },
  )
}

test(
  'saveDomain() into a directory that does not exist fails before the guest stops',
  { timeout: 60_000 },
  async () => {
    await using tiny = await startTinyDomain()
    const { stateDir, dir, log } = tiny
    await log.advance(1)
    await assert.rejects(saveDomain('tiny', dir.join('none', 'image'), { stateDir }), {
      code: 'FILE_NOT_FOUND',
    })
    await mkdir(dir.join('closed'))
    await chmod(dir.join('closed'), 0o500)
    // Root may write everywhere; other users are refused.
    if (process.getuid?.() !== 0) {
      await assert.rejects(saveDomain('tiny', dir.join('closed', 'image'), { stateDir }), {
        code: 'NO_PERMISSION',
      })
    }
    await log.advance(2)
    await log.assertUnbroken()
  },
)

async function fill(pid: number): Promise<void> {
  await using memory = await OutsideMemory.open(pid, 512 * MIB)
  for (let mib = 32; mib < 416; mib += 32)
    await memory.write(mib * MIB, knownContent(mib * MIB, 32 * MIB))
}

function kill(name: string): void {
  spawnSync('pkill', ['-KILL', '-f', `guest=${name},`])
}

/** A file system of 1 MiB, for a guest that needs 4. */
async function smallDisk(
  path: string,
): Promise<AsyncDisposable & { readonly path: string; join(name: string): string }> {
  await mkdir(path)
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, `mounting a small file system needs root: ${stderr}`)
  return {
    path,
    join: (name) => `${path}/${name}`,
    async [Symbol.asyncDispose](): Promise<void> {
      assert.equal(
        spawnSync('umount', [path]).status,
        0,
        'nothing holds a file on the full disk open',
      )
    },
  }
}
