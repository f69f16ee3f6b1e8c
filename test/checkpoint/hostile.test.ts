import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  copyFile,
  mkdir,
  readFile,
  readdir,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  createCheckpoint,
  defineDomain,
  deleteCheckpoint,
  destroyDomain,
  domainInfo,
  dumpDomainXml,
  listCheckpoints,
  listImages,
  managedSaveDomain,
  pruneImages,
  revertToCheckpoint,
  saveDomain,
  startDomain,
  suspendDomain,
  undefineDomain,
} from '../../src/index.ts'
import { isLongRun, newestQemu } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'

const emulator = newestQemu()[0]?.emulator ?? ''
const skip = !isLongRun() && 'long run only'
const writes = { pages: 64, rate: 8 }

const disksOf = async ({ dir }: TinyDomain): Promise<readonly string[]> =>
  (await readdir(dir.path)).filter((one) => one.startsWith('pages'))

/** The disk that the definition names. */
const diskOf = async ({ name, stateDir }: TinyDomain): Promise<string> =>
  /<source file='([^']*pages[^']*)'/.exec(
    await dumpDomainXml(name, { stateDir, inactive: true }),
  )?.[1] ?? ''

test('a name is refused, or is a checkpoint like any other', async () => {
  await using tiny = await startTinyDomain({ emulator, writes })
  const { stateDir, name, log } = tiny
  for (const impossible of [
    'a/b',
    '.x',
    '..',
    '',
    'tree.json',
    'a\nb',
    'x'.repeat(201),
    'é'.repeat(130),
  ])
    await assert.rejects(
      createCheckpoint(name, impossible, { stateDir, diskOnly: true }),
      { code: 'BAD_ARGUMENT' },
      JSON.stringify(impossible),
    )
  const names = [
    'a b',
    'ünï',
    "it's",
    '"quoted"',
    '-x',
    'a,b=c',
    '$(x)',
    '<&>',
    'a:b',
    '%s',
    'x'.repeat(200),
  ]
  for (const one of isLongRun() ? names : names.slice(2, 5)) {
    const before = await diskOf(tiny)
    await createCheckpoint(name, one, { stateDir, diskOnly: true })
    assert.deepEqual(
      (await listCheckpoints(name, { stateDir })).checkpoints.map((each) => each.name),
      [one],
    )
    await deleteCheckpoint(name, one, { stateDir })
    assert.deepEqual([await disksOf(tiny), await diskOf(tiny)], [['pages.img'], before], one)
  }
  await log.advance(1)
  await log.assertUnbroken()
})

test('a failure before the instant leaves the guest on its disks', async () => {
  await using tiny = await startTinyDomain({ emulator, writes })
  const { stateDir, name, dir, log } = tiny
  const nothing = async (): Promise<void> => {
    const { checkpoints, pending } = await listCheckpoints(name, { stateDir })
    assert.deepEqual([checkpoints, pending], [[], undefined])
    assert.deepEqual(await disksOf(tiny), ['pages.img'])
    assert.equal(await diskOf(tiny), dir.join('pages.img'))
    await log.advance(1)
  }
  const file = dir.join('none/overlay')
  const disks = [{ disk: 'vda', file }]
  await assert.rejects(createCheckpoint(name, 'one', { stateDir, disks }), { path: file })
  await nothing()
  // A disk that was moved.
  await rename(dir.join('pages.img'), dir.join('pages.img.away'))
  await assert.rejects(createCheckpoint(name, 'one', { stateDir }))
  await rename(dir.join('pages.img.away'), dir.join('pages.img'))
  await nothing()
  if (process.getuid?.() !== 0) return
  const small = dir.join('small')
  await mkdir(small)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small])
  try {
    const full = [{ disk: 'vda', file: join(small, 'overlay') }]
    await assert.rejects(createCheckpoint(name, 'one', { stateDir, disks: full }))
    await nothing()
    assert.deepEqual(await readdir(small), [])
  } finally {
    execFileSync('umount', [small])
  }
})

test('records that are damaged or newer are refused, and what they describe stays', async () => {
  await using tiny = await startTinyDomain({ emulator, writes })
  const { stateDir, name, log } = tiny
  await createCheckpoint(name, 'one', { stateDir })
  await createCheckpoint(name, 'two', { stateDir, diskOnly: true })
  const before = await disksOf(tiny)
  const own = join(stateDir, 'checkpoints', name)
  for (const path of [join(own, 'tree.json'), join(own, 'one/checkpoint.json')]) {
    const text = await readFile(path, 'utf8')
    const newer = JSON.stringify({ ...(JSON.parse(text) as object), version: 99 })
    for (const [content, code] of [
      [text.slice(0, 40), 'STATE_UNREADABLE'],
      [newer, 'STATE_TOO_NEW'],
      ['', 'STATE_UNREADABLE'],
    ] as const) {
      await writeFile(path, content)
      await assert.rejects(listCheckpoints(name, { stateDir }), { code }, path)
      for (const act of [
        () => createCheckpoint(name, 'three', { stateDir }),
        () => deleteCheckpoint(name, 'two', { stateDir }),
        () => revertToCheckpoint(name, 'one', { stateDir }),
        () => undefineDomain(name, { stateDir }),
      ])
        await assert.rejects(act(), { code }, `${path} ${act.toString()}`)
    }
    await writeFile(path, text)
  }
  assert.deepEqual(await disksOf(tiny), before)
  await log.advance(1)
  await log.assertUnbroken()
  const memory = join(own, 'one/memory.save')
  await truncate(memory, 5000)
  await assert.rejects(revertToCheckpoint(name, 'one', { stateDir }))
  await log.advance(1)
  await log.assertUnbroken()
})

test('the memory of a checkpoint is neither pruned nor replaced', async () => {
  await using tiny = await startTinyDomain({ emulator, writes })
  const { stateDir, name, dir } = tiny
  const memoryPath = dir.join('memory')
  await createCheckpoint(name, 'one', { stateDir, memoryPath })
  await createCheckpoint(name, 'two', { stateDir })
  await assert.rejects(saveDomain(name, memoryPath, { stateDir }), { code: 'BAD_ARGUMENT' })
  const { deleted } = await pruneImages({ stateDir, keep: 0 })
  assert.deepEqual(deleted, [])
  const { images } = await listImages({ stateDir })
  assert.deepEqual(
    images.map(({ uses }) => uses.map(({ use }) => use)),
    [['checkpoint'], ['checkpoint']],
  )
  await revertToCheckpoint(name, 'one', { stateDir })
})

test('thirty checkpoints, reverted to and deleted in any order', { skip }, async () => {
  await using tiny = await startTinyDomain({ emulator, writes })
  const { stateDir, name, log } = tiny
  for (let number = 0; number < 30; number += 1)
    await createCheckpoint(name, `c${number}`, { stateDir, diskOnly: number !== 15 })
  await log.advance(1)
  await log.assertUnbroken()
  const { kept } = await revertToCheckpoint(name, 'c15', { stateDir })
  await log.advance(1)
  await revertToCheckpoint(name, kept ?? '', { stateDir })
  await log.advance(1)
  const names = (await listCheckpoints(name, { stateDir })).checkpoints.map((one) => one.name)
  for (const one of names.toSorted((a, b) => (a.split('').toReversed().join('') < b ? -1 : 1)))
    await deleteCheckpoint(name, one, { stateDir })
  await log.advance(1)
  assert.deepEqual(await disksOf(tiny), ['pages.img'])
  assert.deepEqual(await readdir(join(stateDir, 'checkpoints', name)), ['tree.json'])
  await destroyDomain(name, { stateDir })
  await startDomain(name, { stateDir })
  await log.advance(1)
})

test(
  'disks behind links, disks that have gone, and a disk of another definition',
  { skip },
  async () => {
    await using tiny = await startTinyDomain({ emulator, writes, started: false })
    const { stateDir, name, dir, log, xml } = tiny
    await mkdir(dir.join('real'))
    await rename(dir.join('pages.img'), dir.join('real/content'))
    await symlink(dir.join('real/content'), dir.join('pages.img'))
    await startDomain(name, { stateDir })
    await createCheckpoint(name, 'one', { stateDir })
    assert.equal(await diskOf(tiny), dir.join('pages.one'))
    await log.advance(1)
    await revertToCheckpoint(name, 'one', { stateDir, discard: true })
    await log.advance(1)
    await deleteCheckpoint(name, 'one', { stateDir })
    assert.deepEqual(await disksOf(tiny), ['pages.img'])
    assert.deepEqual(await readdir(dir.join('real')), ['content'])
    assert.equal(await diskOf(tiny), dir.join('pages.img'))
    // Paused, and returned to as paused.
    await suspendDomain(name, { stateDir })
    assert.equal((await createCheckpoint(name, 'two', { stateDir })).state, 'paused')
    assert.equal((await revertToCheckpoint(name, 'two', { stateDir })).state, 'paused')
    await destroyDomain(name, { stateDir })
    // Another definition does not make anybody lose the overlay.
    const overlay = await diskOf(tiny)
    await copyFile(dir.join('real/content'), dir.join('other.img'))
    await defineDomain(xml.replace(dir.join('pages.img'), dir.join('other.img')), { stateDir })
    await createCheckpoint(name, 'three', { stateDir })
    await deleteCheckpoint(name, 'three', { stateDir })
    await revertToCheckpoint(name, 'two', { stateDir })
    await readFile(overlay)
    // A disk that is gone is noticed before the guest ends.
    await createCheckpoint(name, 'four', { stateDir })
    const gone =
      (await listCheckpoints(name, { stateDir })).checkpoints.at(-1)?.disks[0]?.path ?? ''
    await rename(gone, `${gone}.away`)
    await assert.rejects(revertToCheckpoint(name, 'four', { stateDir }), { path: gone })
    assert.equal((await domainInfo(name, { stateDir })).state, 'paused')
    await rename(`${gone}.away`, gone)
    await assert.rejects(undefineDomain(name, { stateDir }), { code: 'DOMAIN_HAS_CHECKPOINTS' })
  },
)

test('commands at the same time, and a managed save', { skip }, async () => {
  await using tiny = await startTinyDomain({ emulator, writes })
  const { stateDir, name, log } = tiny
  const ends = await Promise.allSettled([
    createCheckpoint(name, 'one', { stateDir }),
    createCheckpoint(name, 'two', { stateDir }),
    stasis(stateDir, 'checkpoint', name, 'three'),
  ])
  await log.advance(1)
  await log.assertUnbroken()
  for (const end of ends)
    if (end.status === 'rejected')
      assert.equal((end.reason as { readonly code?: string }).code, 'DOMAIN_BUSY')
  await createCheckpoint(name, 'base', { stateDir })
  await managedSaveDomain(name, { stateDir })
  for (const act of [
    () => createCheckpoint(name, 'four', { stateDir }),
    () => revertToCheckpoint(name, 'base', { stateDir }),
  ])
    await assert.rejects(act(), { code: 'DOMAIN_HAS_MANAGED_SAVE' })
  // Its overlay is needed by the managed save.
  await deleteCheckpoint(name, 'base', { stateDir })
  await startDomain(name, { stateDir })
  await log.advance(1)
  await log.assertUnbroken()
  for (const { name: one } of (await listCheckpoints(name, { stateDir })).checkpoints)
    await deleteCheckpoint(name, one, { stateDir })
  await log.advance(1)
  assert.deepEqual(await disksOf(tiny), ['pages.img'])
})

test('another user sees no checkpoints of root, and changes nothing', { skip }, async () => {
  if (process.getuid?.() !== 0) return
  await using tiny = await startTinyDomain({ emulator, writes })
  const { stateDir, name, log } = tiny
  await createCheckpoint(name, 'one', { stateDir })
  for (const argv of [
    ['checkpoint-list', name],
    ['checkpoint-revert', name, 'one'],
    ['checkpoint-delete', name, 'one'],
  ]) {
    const { uid } = { uid: 65_534 }
    let status = 0
    try {
      execFileSync(join(import.meta.dirname, '../../bin/stasis'), argv, {
        uid,
        gid: uid,
        stdio: 'pipe',
        env: { ...process.env, STASIS_STATE_DIR: stateDir },
      })
    } catch (error) {
      status = (error as { readonly status: number }).status
    }
    assert.ok(status > 1, `${argv.join(' ')}: exit code ${status}`)
  }
  await log.advance(1)
  await rm(join(stateDir, 'checkpoints'), { recursive: true, force: true })
})
