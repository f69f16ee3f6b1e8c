import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  createCheckpoint,
  defineDomain,
  deleteCheckpoint,
  destroyDomain,
  dumpDomainXml,
  listCheckpoints,
  revertToCheckpoint,
  startDomain,
} from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { isLongRun, newestQemu, qemus, withQemu11 } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

const emulator = newestQemu()[0]?.emulator ?? ''

test(
  'a return brings back the UEFI variables and the state of the TPM',
  { skip: !isLongRun() && 'long run only' },
  async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const diskPath = dir.join('disk.img')
    await writeFile(diskPath, '')
    await truncate(diskPath, 2 ** 20)
    const serial = { type: 'file', path: dir.join('serial') } as const
    const name = 'firm'
    const guest = { name, guest: 'tiny', emulator, serial, diskPath, memoryMib: 128 } as const
    const xml = domainXml(guest)
      .replace('<os>', "<os firmware='efi'>")
      .replace(
        '<memballoon',
        `<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm><memballoon`,
      )
    await defineDomain(xml, { stateDir })
    try {
      await startDomain(name, { stateDir })
      const [, nvram = ''] =
        /<nvram[^>]*>([^<]*)</.exec(await dumpDomainXml(name, { stateDir })) ?? []
      // The firmware has begun.
      await delay(3000)
      await createCheckpoint(name, 'one', { stateDir })
      const kept = await readFile(nvram)
      await destroyDomain(name, { stateDir })
      await createCheckpoint(name, 'off', { stateDir })
      const [uuid = ''] = await readdir(join(stateDir, 'tpm'))
      const tpm = join(stateDir, 'tpm', uuid, 'tpm2/tpm2-00.permall')
      const state = await readFile(tpm)
      await writeFile(nvram, Buffer.alloc(kept.length, 0xff))
      const back = await revertToCheckpoint(name, 'off', { stateDir, discard: true })
      assert.equal(back.state, 'shutoff')
      assert.deepEqual(await readFile(nvram), kept, 'the variables of the checkpoint')
      await writeFile(nvram, Buffer.alloc(kept.length, 0xff))
      await rm(tpm)
      assert.equal((await revertToCheckpoint(name, 'one', { stateDir })).state, 'running')
      assert.deepEqual(await readFile(tpm), state, 'the TPM of the memory')
      // QEMU writes all variables with the first change that the guest makes.
      await destroyDomain(name, { stateDir })
    } finally {
      await destroyDomain(name, { stateDir }).catch(() => undefined)
    }
  },
)

for (const format of ['raw', 'qcow2'] as const)
  test(
    `a disk on a block device (${format}) becomes part of a checkpoint, and takes in its overlay`,
    { skip: isLongRun() && process.getuid?.() === 0 ? false : 'long run only, as root' },
    async () => {
      await using tiny = await startTinyDomain({
        emulator,
        started: false,
        writes: { pages: 64, rate: 8 },
      })
      const { stateDir, name, dir, log, xml } = tiny
      const content = dir.join('pages.img')
      if (format === 'qcow2') {
        const made = dir.join('made.qcow2')
        execFileSync('qemu-img', ['convert', '-q', '-f', 'raw', '-O', 'qcow2', content, made])
        await rm(content)
        execFileSync('mv', [made, content])
        await truncate(content, 2 ** 22)
      }
      const device = execFileSync('losetup', ['-f', '--show', content], { encoding: 'utf8' }).trim()
      try {
        const onDevice = xml
          .replace(/<disk type='file'/, "<disk type='block'")
          .replace(`<source file='${content}'/>`, `<source dev='${device}'/>`)
          .replace("type='raw'", `type='${format}'`)
        await defineDomain(onDevice, { stateDir })
        await startDomain(name, { stateDir })
        await log.advance(1)
        await assert.rejects(createCheckpoint(name, 'one', { stateDir }), {
          code: 'DOMAIN_WRONG_STATE',
        })
        const overlay = dir.join('overlay.one')
        const disks = [{ disk: 'vda', file: overlay }]
        await createCheckpoint(name, 'one', { stateDir, disks })
        await log.advance(1)
        await log.assertUnbroken()
        await revertToCheckpoint(name, 'one', { stateDir, discard: true })
        await log.advance(1)
        await deleteCheckpoint(name, 'one', { stateDir })
        await log.advance(1)
        assert.match(await dumpDomainXml(name, { stateDir }), new RegExp(`dev='${device}'`))
        await destroyDomain(name, { stateDir })
        await startDomain(name, { stateDir })
        await log.advance(1)
      } finally {
        await destroyDomain(name, { stateDir }).catch(() => undefined)
        execFileSync('losetup', ['-d', device])
      }
    },
  )

for (const { label, emulator: one, missing } of withQemu11(qemus()).filter(
  ({ major }) => isLongRun() || major === 11,
))
  test(
    `a checkpoint, a return and a merge, QEMU ${label}`,
    { skip: missing ?? (!isLongRun() && 'long run only') },
    async () => {
      await using tiny = await startTinyDomain({ emulator: one, writes: { pages: 64, rate: 8 } })
      const { stateDir, name, log } = tiny
      await log.advance(2)
      const made = await createCheckpoint(name, 'one', { stateDir })
      assert.equal(made.way, 'write-protect')
      await log.advance(1)
      await log.assertUnbroken()
      for (const mode of ['load', 'lazy'] as const) {
        await revertToCheckpoint(name, 'one', { stateDir, mode })
        await log.advance(1)
      }
      await createCheckpoint(name, 'stopped', { stateDir, stopped: true })
      await createCheckpoint(name, 'disks', { stateDir, diskOnly: true })
      await revertToCheckpoint(name, 'stopped', { stateDir, discard: true })
      for (const { name: each } of (await listCheckpoints(name, { stateDir })).checkpoints)
        await deleteCheckpoint(name, each, { stateDir })
      await new CounterLog(tiny.dir.join('serial')).advance(1)
    },
  )
