import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import { createCheckpoint, dumpDomainXml, listDomains, resumeDomain } from '../../src/index.ts'
import { QmpConnection } from '../../src/qmp/connection.ts'
import { newestQemu } from '../support/qemus.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

test('after a merge that was killed when QEMU had switched its disk, the definition names the disk before the guest continues', async () => {
  const emulator = newestQemu()[0]?.emulator ?? ''
  await using tiny = await startTinyDomain({ emulator, writes: { pages: 64, rate: 8 } })
  const { stateDir, runtimeDir, name, dir, log } = tiny
  await log.advance(1)
  await createCheckpoint(name, 'one', { stateDir, diskOnly: true })
  const overlay = dir.join('pages.one')
  const disk = async (inactive: boolean): Promise<string | undefined> =>
    /<source file='([^']*pages[^']*)'/.exec(await dumpDomainXml(name, { stateDir, inactive }))?.[1]
  assert.equal(await disk(true), overlay)
  {
    await using monitor = await QmpConnection.connect(join(runtimeDir, name, 'qmp.sock'))
    const nodes = (await monitor.executeAny('query-named-block-nodes', {})) as readonly {
      readonly 'node-name': string
      readonly drv: string
      readonly file: string
    }[]
    const top = nodes.find(({ drv, file }) => drv === 'qcow2' && file === overlay)
    const base = nodes.find(({ drv, file }) => drv === 'raw' && file === dir.join('pages.img'))
    const job = { device: top?.['node-name'], 'base-node': base?.['node-name'] }
    await monitor.executeAny('block-commit', { 'job-id': 'j', ...job })
    const status = async (): Promise<string | undefined> => {
      const jobs = (await monitor.executeAny('query-jobs', {})) as readonly {
        readonly id: string
        readonly status: string
      }[]
      return jobs.find(({ id }) => id === 'j')?.status
    }
    while ((await status()) !== 'ready') await delay(20)
    await monitor.execute('stop')
    await monitor.executeAny('job-complete', { id: 'j' })
    while ((await status()) !== undefined) await delay(20)
  }
  const path = join(runtimeDir, name, 'process.json')
  const record = JSON.parse(await readFile(path, 'utf8')) as object
  const saving = { path: `${overlay}.left`, imageId: 'none', running: true }
  await writeFile(path, JSON.stringify({ ...record, saving }))
  await resumeDomain(name, { stateDir })
  assert.deepEqual(
    [await disk(true), await disk(false)],
    [dir.join('pages.img'), dir.join('pages.img')],
  )
  assert.equal((await listDomains({ stateDir }))[0]?.state, 'running')
  await log.advance(1)
})
