import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { test } from 'node:test'
import {
  defineDomain,
  destroyDomain,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { newestQemu } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

/** The processors that a thread may use, as the kernel writes them: `0-1`. */
async function allowed(status: string): Promise<string> {
  return /^Cpus_allowed_list:\s*(.*)$/m.exec(await readFile(status, 'utf8'))?.[1] ?? ''
}

async function threads(pid: number): Promise<ReadonlyMap<string, string>> {
  const folder = `/proc/${pid}/task`
  const found = new Map<string, string>()
  for (const id of await readdir(folder)) {
    const name = await readFile(`${folder}/${id}/comm`, 'utf8').catch(() => '')
    if (name !== '') found.set(name.trim(), await allowed(`${folder}/${id}/status`))
  }
  return found
}

for (const { emulator, label } of newestQemu()) {
  test(`the threads of QEMU ${label} run on the processors that the XML names`, async (context) => {
    const all = await allowed('/proc/self/status')
    const [first, last] = [/^\d+/.exec(all)?.[0] ?? '0', /\d+$/.exec(all)?.[0] ?? '0']
    if (first === last) return context.skip('this host has one processor')
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const serial = { type: 'file', path: dir.join('serial') } as const
    const xml = domainXml({ name: 'pinned', guest: 'tiny', emulator, serial, vcpus: 2 }).replace(
      /<vcpu .*<\/vcpu>/,
      `<vcpu cpuset='${first}'>2</vcpu><iothreads>1</iothreads>
<cputune><vcpupin vcpu='1' cpuset='${last}'/><iothreadpin iothread='1' cpuset='${last}'/></cputune>`,
    )
    await using stack = new AsyncDisposableStack()
    stack.defer(async () => {
      await destroyDomain('pinned', { stateDir }).catch(() => undefined)
    })
    const check = async (pid: number): Promise<void> => {
      const found = await threads(pid)
      assert.equal(found.get('CPU 0/TCG'), first)
      assert.equal(found.get('CPU 1/TCG'), last)
      assert.equal(found.get('IO iothread1'), last)
    }
    await defineDomain(xml, { stateDir })
    const { id } = await startDomain('pinned', { stateDir })
    await check(id)
    assert.equal(await allowed(`/proc/${id}/status`), first)
    const log = new CounterLog(serial.path)
    await log.advance(2)
    await saveDomain('pinned', dir.join('image'), { stateDir })
    const restored = await restoreDomain(dir.join('image'), { stateDir })
    await check(restored.id)
    await log.advance(2)

    // A host that has none of the processors.
    await destroyDomain('pinned', { stateDir })
    const elsewhere = xml.replaceAll(/cpuset='\d+'/g, "cpuset='1000-1001'")
    const warnings: string[] = []
    await defineDomain(elsewhere, { stateDir })
    await startDomain('pinned', { stateDir, onWarning: (text) => warnings.push(text) })
    assert.match(warnings.join(), /not bound to processors of the host: 1000-1001 \(EINVAL\)/)
  })
}
