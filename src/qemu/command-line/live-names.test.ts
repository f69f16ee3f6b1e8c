import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { attribute, child, children } from '../domain-xml/access.ts'
import { aliasOf, nameDevices } from '../domain-xml/live/aliases.ts'
import { normaliseDomain } from '../domain-xml/normalise.ts'
import { parseDomainXml } from '../domain-xml/parse.ts'
import { readDomain } from '../domain-xml/read-domain.ts'
import { buildCommandLine } from './build.ts'

const MACHINES = join(import.meta.dirname, '../../../test/machines')

/** Devices that are part of the machine: nothing on the command line has their names. */
const BUILT_IN = /^(?:pcie?\.0|ide|watchdog\d|panic\d|fdc0)$/

for (const name of ['everything-q35.xml', 'everything-pc.xml']) {
  test(`nameDevices() names the devices of ${name} as the command line does`, () => {
    const document = normaliseDomain(parseDomainXml(readFileSync(join(MACHINES, name), 'utf8')))
    const { domain } = readDomain(document, { tolerant: true })
    const argv = buildCommandLine(domain, {
      qemuVersion: { major: 10, minor: 0, micro: 0 },
      monitors: [],
      incoming: false,
      tpmFd: 9,
      socketDirectory: '/run/stasis/all',
    })
    const ids = new Set(argv.flatMap((text) => text.match(/(?<=\bid"?[:=]"?)[\w.-]+/g) ?? []))
    nameDevices(document.root)
    const devices = child(document.root, 'devices')
    assert.ok(devices !== undefined)
    let named = 0
    for (const device of children(devices)) {
      const alias = aliasOf(device)
      if (alias === undefined) continue
      named += 1
      const isPs2 = attribute(device, 'bus') === 'ps2'
      if (!isPs2 && !BUILT_IN.test(alias))
        assert.ok(ids.has(alias), `${alias} in ${[...ids].join()}`)
    }
    assert.ok(named > 20)
  })
}
