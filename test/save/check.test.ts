import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { attachDomain, checkSave, restoreDomain, saveDomain } from '../../src/index.ts'
import { startByHand } from '../support/hand-started.ts'
import { newestQemu, qemus } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

test('save --check shows the space that a save needs, and the guest keeps running', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, dir, log } = tiny
  await log.advance(1)
  const fine = await stasis(stateDir, 'save', 'tiny', dir.join('image'), '--check')
  assert.match(
    fine.stdout,
    /^Domain 'tiny' can be saved: the image needs at most [\d.]+ MiB, .* free$/m,
  )
  const managed = await stasis(stateDir, '--json', 'managedsave', 'tiny', '--check')
  assert.deepEqual((JSON.parse(managed.stdout) as { obstacles: unknown }).obstacles, [])
  assert.deepEqual(
    (await readdir(dir.path)).filter((name) => name.includes('image')),
    [],
  )
  const nowhere = await stasis(stateDir, 'save', 'tiny', dir.join('no/image'), '--check')
  assert.equal(nowhere.exitCode, 3)
  assert.match(nowhere.stderr, /The directory .*\/no does not exist/)
  const disk = await checkSave('tiny', '/dev/null', { stateDir })
  assert.match(disk.obstacles[0] ?? '', /\/dev\/null is not a regular file/)
  await log.advance(1)
  await log.assertUnbroken()
})

for (const mode of ['load', 'map'] as const) {
  test(`save --check counts the memory that a guest has not touched since a restore by ${mode}`, async () => {
    const pages = 40_960
    const [newest] = newestQemu()
    await using tiny = await startTinyDomain({
      ...(newest && { emulator: newest.emulator }),
      memoryMib: 192,
      writes: { pages, rate: 0 },
    })
    const { stateDir, dir, log } = tiny
    await log.advance(2)
    await saveDomain('tiny', dir.join('before'), { stateDir, compression: 'none' })
    await restoreDomain(dir.join('before'), { stateDir, mode, resumeAs: 'paused' })
    const { neededBytes } = await checkSave('tiny', dir.join('image'), { stateDir })
    assert.ok(neededBytes >= pages * 4096, `${neededBytes}`)
  })
}

const old = qemus().find(({ major }) => major < 9)

test(
  'save --check compares the format with the features of QEMU',
  { skip: old === undefined },
  async () => {
    await using tiny = await startTinyDomain({ emulator: old?.emulator ?? '' })
    const { stateDir, dir, log } = tiny
    await log.advance(1)
    const { obstacles } = await checkSave('tiny', dir.join('image'), { stateDir, format: 'sparse' })
    assert.deepEqual(obstacles.length, 1)
    assert.match(
      obstacles[0] ?? '',
      /cannot save in the format sparse: mapped-ram needs QEMU 9\.0 or later/,
    )
    await log.advance(1)
  },
)

for (const { label, emulator } of newestQemu()) {
  test(`save --check names the device that keeps QEMU ${label} from migrating`, async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const backend = `memory-backend-file,id=m,size=1M,share=on,mem-path=${dir.join('shared')}`
    const device = 'ivshmem-plain,memdev=m,master=off'
    await using hand = await startByHand(emulator, dir, ['-object', backend, '-device', device])
    await hand.log.advance(1)
    await attachDomain(hand.qmp, { stateDir })
    const { obstacles } = await checkSave('hand', dir.join('image'), { stateDir })
    assert.equal(obstacles.length, 1)
    assert.match(obstacles[0] ?? '', /cannot be saved: .*ivshmem/)
    await assert.rejects(saveDomain('hand', dir.join('image'), { stateDir }), {
      code: 'QEMU_REFUSED',
      message: /ivshmem/,
    })
    await hand.log.advance(1)
  })
}

test('save --check finds that there is too little space', async (t) => {
  await using tiny = await startTinyDomain()
  const { stateDir, dir, log } = tiny
  const small = dir.join('small')
  await mkdir(small)
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small])
  if (mounted.status !== 0) {
    t.skip('a small file system cannot be mounted here')
    return
  }
  try {
    await log.advance(1)
    const { warnings, freeBytes } = await checkSave('tiny', `${small}/image`, { stateDir })
    assert.ok((freeBytes ?? Infinity) <= 65536)
    assert.match(warnings[0] ?? '', /^\d+ bytes are free for .*, and the image takes up to \d+/)
    await log.advance(1)
  } finally {
    spawnSync('umount', [small])
  }
})
