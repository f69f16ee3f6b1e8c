import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ACPI, domainXml, firmware, normalise } from '../../../../test/support/normalised-domain.ts'
import { normaliseDomain } from '../normalise.ts'
import { parseDomainXml } from '../parse.ts'
import { readDomain } from '../read-domain.ts'

suite('normaliseDomain()', () => {
  test('names the files of a UEFI firmware', () => {
    const text = domainXml('q35', '', ACPI).replace('<os>', "<os firmware='efi'>")
    const plain = firmware('/code.fd', '/vars.fd')
    const { os } = readDomain(
      normaliseDomain(parseDomainXml(text), { firmware: [plain], nvramDirectory: '/state' }),
    ).domain
    assert.equal(os.loader?.path, '/code.fd')
    assert.equal(os.nvram?.path, '/state/web_VARS.fd')
    assert.equal(os.nvram?.template, '/vars.fd')
    assert.throws(() => normalise(text), { code: 'XML_UNSUPPORTED', message: /UEFI/ })
  })

  test('chooses the firmware that has what the domain asks for, and turns on what it needs', () => {
    const secure = ['secure-boot', 'requires-smm']
    const hosts = [
      firmware('/keys.fd', '/keys.vars', [...secure, 'enrolled-keys'], ['pc-q35-*']),
      firmware('/secure.fd', '/vars', secure, ['pc-q35-*']),
      firmware('/plain.fd', '/vars'),
    ]
    const chosen = (os: string, machine = 'pc-q35-7.2', features = '<acpi/>'): string => {
      const text = domainXml(machine, '', `<features>${features}</features>`)
      const given = text.replace('<os>', "<os firmware='efi'>").replace('</os>', `${os}</os>`)
      const options = { firmware: hosts, nvramDirectory: '/state' }
      const result = readDomain(normaliseDomain(parseDomainXml(given), options)).domain
      const { loader, nvram } = result.os
      return `${loader?.path} ${nvram?.template}${loader?.secure === true ? ' secure' : ''}${result.features.smm === true ? ' smm' : ''}`
    }
    const feature = (name: string, enabled: string): string =>
      `<firmware><feature name='${name}' enabled='${enabled}'/></firmware>`
    assert.equal(chosen(''), '/keys.fd /keys.vars secure smm')
    assert.equal(chosen(feature('enrolled-keys', 'no')), '/secure.fd /vars secure smm')
    assert.equal(chosen(feature('secure-boot', 'no')), '/plain.fd /vars')
    assert.equal(chosen(`<loader secure='no'/>`), '/plain.fd /vars')
    assert.equal(chosen('', 'pc-i440fx-7.2'), '/plain.fd /vars')
    assert.equal(chosen('', 'pc-q35-7.2', `<acpi/><smm state='off'/>`), '/plain.fd /vars')
    assert.throws(() => chosen(feature('secure-boot', 'yes'), 'pc-i440fx-7.2'), {
      code: 'XML_UNSUPPORTED',
      message: /with: secure-boot/,
    })
    assert.throws(() => chosen('', 'pc-q35-7.2', ''), { code: 'XML_INVALID', message: /ACPI/ })
  })

  test('gives a UEFI loader the variable store that belongs to it', () => {
    const loader = `<loader readonly='yes' type='pflash'>/secure.fd</loader>`
    const text = domainXml('q35', '', ACPI).replace('</os>', `${loader}</os>`)
    const hosts = [firmware('/secure.fd', '/own.vars', ['requires-smm'])]
    const options = { firmware: hosts, nvramDirectory: '/state' }
    const { os } = readDomain(normaliseDomain(parseDomainXml(text), options)).domain
    assert.deepEqual([os.nvram?.template, os.nvram?.path], ['/own.vars', '/state/web_VARS.fd'])
    assert.equal(os.loader?.secure, true)
    const stored = normaliseDomain(parseDomainXml(text), { ...options, existing: true })
    assert.equal(readDomain(stored).domain.os.nvram, undefined)
    const rom = text.replace('pflash', 'rom').replace('</os>', '<nvram>/x</nvram></os>')
    assert.throws(() => normalise(rom), { code: 'XML_INVALID', message: /variable store/ })
  })

  test('chooses a firmware that knows the encryption of the guest', () => {
    const all = [
      firmware('/plain', '/v'),
      firmware('/sev', '/v', ['amd-sev']),
      firmware('/es', '/v', ['amd-sev', 'amd-sev-es', 'amd-sev-snp']),
    ]
    const loader = (type: string, policy: string): string | undefined => {
      const security = `<launchSecurity type='${type}'><policy>${policy}</policy></launchSecurity>`
      const text = domainXml('q35', '', ACPI + security).replace('<os>', "<os firmware='efi'>")
      const options = { firmware: all, nvramDirectory: '/nvram' }
      return />(\/[a-z]+)<\/loader>/.exec(normalise(text, options))?.[1]
    }
    assert.equal(loader('sev', '0x03'), '/sev')
    assert.equal(loader('sev', '0x07'), '/es')
    assert.equal(loader('sev-snp', '0x30000'), '/es')
  })
})
