import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { domain, domainXml, normalise } from '../../../../test/support/normalised-domain.ts'
import { child } from '../access.ts'
import type { NormaliseOptions } from './options.ts'
import { normaliseDomain } from '../normalise.ts'
import { parseDomainXml } from '../parse.ts'
import { readDomain } from '../read-domain.ts'

suite('normaliseDomain()', () => {
  test('rounds NUMA cells up to whole MiB, but not those of an image', () => {
    const cells = (options?: NormaliseOptions): readonly number[] => {
      const numa =
        "<cpu><numa><cell cpus='0' memory='20002'/><cell memory='3' unit='MiB'/></numa></cpu>"
      const text = domainXml('q35').replace('<devices>', `${numa}<devices>`)
      return readDomain(normaliseDomain(parseDomainXml(text), options)).domain.numa.map(
        ({ memoryBytes }) => memoryBytes / 1024,
      )
    }
    assert.deepEqual(cells(), [20 * 1024, 3 * 1024])
    assert.deepEqual(cells({ existing: true }), [20 * 1024, 3 * 1024])
    assert.deepEqual(cells({ existing: true, fromImage: true }), [20002, 3 * 1024])
  })

  test('takes the memory from NUMA cells and modules, as libvirt does, but not in an image', () => {
    const memory = (options?: NormaliseOptions): string | undefined => {
      const dimm =
        "<memory model='dimm'><target><size unit='MiB'>96</size><node>0</node></target></memory>"
      const text = domainXml('q35', dimm)
        .replace(
          '<devices>',
          "<cpu><numa><cell cpus='0' memory='80' unit='MiB'/></numa></cpu><devices>",
        )
        .replace('<memory ', "<maxMemory unit='MiB' slots='2'>1024</maxMemory><memory ")
      const { root } = normaliseDomain(parseDomainXml(text), options)
      return child(root, 'memory')?.textContent ?? undefined
    }
    assert.equal(memory(), String(176 * 1024))
    assert.notEqual(memory({ existing: true, fromImage: true }), String(176 * 1024))
  })

  test('puts processors that no NUMA cell names into cell 0 of a new machine', () => {
    const numa = `<vcpu>8</vcpu><cpu><numa><cell id='1' cpus='2-4' memory='32' unit='MiB'/><cell id='0' cpus='0' memory='32' unit='MiB'/></numa></cpu>`
    const text = domainXml('pc', '', numa)
    const cells = (options?: NormaliseOptions): readonly string[] =>
      [...normalise(text, options).matchAll(/cpus='([^']*)'/g)].map(([, cpus = '']) => cpus)
    assert.deepEqual(cells(), ['2-4', '0-1,5-7'])
    assert.deepEqual(cells({ existing: true }), ['2-4', '0'])
  })

  test('takes the memory from the NUMA cells when the XML has no other', () => {
    const numa = `<vcpu>2</vcpu><cpu><numa><cell cpus='0' memory='32' unit='MiB'/><cell cpus='1' memory='33' unit='MiB'/></numa></cpu>`
    const text = domainXml('pc', '', numa).replace(/<memory.*?<\/memory>/, '')
    const normalised = normalise(text)
    assert.match(normalised, /<memory unit='KiB'>66560<\/memory>/)
    assert.match(normalised, /<currentMemory unit='KiB'>66560</)
    assert.throws(() => domain(text.replace(/<cpu>.*<\/cpu>/, '')), { code: 'XML_INVALID' })
  })
})
