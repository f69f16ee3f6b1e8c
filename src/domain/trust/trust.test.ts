import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { smallXml, testStore } from '../../../test/support/test-store.ts'
import { normaliseDomain } from '../../qemu/domain-xml/normalise.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { nvramDirectory } from '../store/directories.ts'
import { untrustedReaches } from './trust.ts'

test("untrustedReaches() accepts a domain's own variable store in its own format only", async () => {
  // The tests allow their own directories.
  delete process.env['STASIS_ALLOW']
  await using store = await testStore()
  const { stateDir } = store.directories
  const directory = nvramDirectory(stateDir)
  const asked = async (path: string, format: string): Promise<boolean> => {
    const os = `<loader readonly='yes' type='pflash'>/usr/share/x</loader><nvram format='${format}'>${path}</nvram></os>`
    const xml = smallXml({ name: 'web' }).replace('</os>', os)
    const description = { xml, cookie: undefined, wasRunning: true }
    const beyond = await untrustedReaches({ path: '/a', description }, store.directories, {})
    return beyond.some(({ use }) => use === 'UEFI variable store')
  }
  for (const [format, ending] of [
    ['raw', 'fd'],
    ['qcow2', 'qcow2'],
  ] as const) {
    assert.equal(await asked(join(directory, `web_VARS.${ending}`), format), false)
    assert.equal(
      await asked(join(directory, `web_VARS.${ending === 'fd' ? 'qcow2' : 'fd'}`), format),
      true,
    )
    assert.equal(await asked(join(directory, `db_VARS.${ending}`), format), true)
    assert.equal(await asked(`/elsewhere/web_VARS.${ending}`, format), true)
    // It is the one that a new domain gets.
    const firmware = {
      kind: 'uefi',
      mapping: 'split',
      loader: { path: '/code', format },
      template: { path: '/vars', format },
      targets: [{ architecture: 'x86_64', machines: ['*'] }],
      features: new Set<string>(),
    } as const
    const text = smallXml({ name: 'web' }).replace(
      '<os>',
      "<features><acpi/></features><os firmware='efi'>",
    )
    const made = normaliseDomain(parseDomainXml(text), {
      firmware: [firmware],
      nvramDirectory: directory,
    })
    const path = readDomain(made).domain.os.nvram?.path
    assert.equal(path, join(directory, `web_VARS.${ending}`))
  }
})
