import assert from 'node:assert/strict'
import { test } from 'node:test'
import { normaliseDomain } from '../../domain-xml/normalise.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import { secretKey } from '../../domain-xml/model/secret.ts'
import { parseDomainXml } from '../../domain-xml/parse.ts'
import { readDomain } from '../../domain-xml/read-domain.ts'
import { buildCommandLine } from '../build.ts'
import { launchSecretsOf, requireSevPlatform } from './launch-security.ts'
import type { CommandLineOptions } from '../options.ts'

const BLOCK = Buffer.alloc(32).toString('base64')

function domain(security: string, os = ''): Domain {
  const text = `<domain type='kvm'><name>a</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='pc-q35-8.2'>hvm</type>${os}</os>${security}</domain>`
  return readDomain(normaliseDomain(parseDomainXml(text))).domain
}

function build(one: Domain, options: Partial<CommandLineOptions> = {}): readonly string[] {
  const qemuVersion = { major: 9, minor: 1, micro: 0 }
  return buildCommandLine(one, { qemuVersion, monitors: [], incoming: false, ...options })
}

/** The object that encrypts the memory. */
function guard(argv: readonly string[]): unknown {
  const text = argv.find((one) => one.includes('"lsec0"'))
  return text === undefined ? undefined : (JSON.parse(text) as unknown)
}

test('a guest with SEV gets the bits of the host, and its certificate and session in files', () => {
  const one = domain(`<launchSecurity type='sev' kernelHashes='yes'><policy>0x0003</policy>
    <dhCert>QUJD</dhCert><session>REVG</session></launchSecurity>`)
  const [cert, session] = launchSecretsOf(one)
  assert.ok(cert !== undefined && session !== undefined)
  const argv = build(one, {
    sev: { cbitPosition: 51, reducedPhysBits: 1 },
    secretFiles: new Map([
      [secretKey(cert), '/proc/self/fd/5'],
      [secretKey(session), '/proc/self/fd/6'],
    ]),
  })
  assert.ok(argv.some((value) => value.includes(',confidential-guest-support=lsec0')))
  assert.ok(!argv.join(' ').includes('QUJD'))
  assert.deepEqual(guard(argv), {
    'qom-type': 'sev-guest',
    id: 'lsec0',
    cbitpos: 51,
    'reduced-phys-bits': 1,
    policy: 3,
    'dh-cert-file': '/proc/self/fd/5',
    'session-file': '/proc/self/fd/6',
    'kernel-hashes': true,
  })
})

test('a guest with SEV-SNP gets what its owner says', () => {
  const one = domain(`<launchSecurity type='sev-snp' authorKey='yes' vcek='no'>
    <cbitpos>47</cbitpos><reducedPhysBits>1</reducedPhysBits><policy>0x30000</policy>
    <hostData>${BLOCK}</hostData></launchSecurity>`)
  assert.deepEqual(guard(build(one)), {
    'qom-type': 'sev-snp-guest',
    id: 'lsec0',
    cbitpos: 47,
    'reduced-phys-bits': 1,
    policy: 0x30000,
    'host-data': BLOCK,
    'author-key-enabled': true,
    'vcek-disabled': true,
  })
})

test('a guest without encryption has none of it', () => {
  const argv = build(domain(''))
  assert.equal(guard(argv), undefined)
  assert.ok(!argv.join(' ').includes('confidential'))
})

test('impossible values are refused with their place', () => {
  const policy = '<policy>1</policy>'
  for (const [security, message] of [
    [`<launchSecurity type='sev'/>`, /policy/],
    [`<launchSecurity type='sev'><policy>no</policy></launchSecurity>`, /not a number/],
    [`<launchSecurity type='sev'>${policy}<dhCert>?</dhCert></launchSecurity>`, /base64/],
    [`<launchSecurity type='sev'>${policy}<hostData>QUJD</hostData></launchSecurity>`, /"sev"/],
    [`<launchSecurity>${policy}</launchSecurity>`, /type/],
  ] as const)
    assert.throws(() => domain(security), { code: 'XML_INVALID', message }, security)
  assert.throws(() => domain(`<launchSecurity type='tdx'/>`), { code: 'XML_UNSUPPORTED' })
})

test('requireSevPlatform() refuses a guest whose bits nobody knows', () => {
  const open = domain(`<launchSecurity type='sev'><policy>1</policy></launchSecurity>`)
  assert.throws(() => requireSevPlatform(open, undefined), {
    code: 'QEMU_LACKS_FEATURE',
    hint: /dev\/sev/,
  })
  requireSevPlatform(open, { cbitPosition: 51, reducedPhysBits: 1 })
  const bits = '<cbitpos>47</cbitpos><reducedPhysBits>1</reducedPhysBits>'
  const given = `<launchSecurity type='sev'>${bits}<policy>1</policy></launchSecurity>`
  requireSevPlatform(domain(given), undefined)
  requireSevPlatform(domain(''), undefined)
})

test('a shim goes with a kernel', () => {
  const shimmed = domain('', '<kernel>/k</kernel><shim>/s</shim>')
  assert.throws(() => build(shimmed), { code: 'QEMU_LACKS_FEATURE' })
  const argv = build(shimmed, { qemuVersion: { major: 10, minor: 0, micro: 0 } })
  assert.equal(argv[argv.indexOf('-shim') + 1], '/s')
  assert.throws(() => build(domain('', '<shim>/s</shim>')), { code: 'XML_INVALID' })
})
