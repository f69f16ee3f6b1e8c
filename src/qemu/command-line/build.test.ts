import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { USUAL, build, domain, values } from '../../../test/support/command-line.ts'
import { parseDomainXml } from '../domain-xml/parse.ts'
import { readDomain } from '../domain-xml/read-domain.ts'
import { clockEnvironment } from './board/clock.ts'
import { buildCommandLine } from './build.ts'

suite('buildCommandLine()', () => {
  test('starts paused, escapes commas and creates the monitors', () => {
    const argv = build({}, { monitors: [{ id: 'control', path: '/run/a,b/qmp' }] })
    assert.ok(argv.includes('-S'))
    assert.ok(!argv.includes('-no-shutdown'))
    assert.deepEqual(values(argv, '-name'), ['guest=a,,b,debug-threads=on'])
    assert.ok(argv.includes('socket,id=charcontrol,path=/run/a,,b/qmp,server=on,wait=off'))
    assert.deepEqual(values(argv, '-mon'), ['chardev=charcontrol,id=control,mode=control'])
  })

  test('maps the reactions to the end of the guest', () => {
    const action = (poweroff: string, reboot: string, crash: string, devices = ''): unknown =>
      values(
        build({
          top: `<on_poweroff>${poweroff}</on_poweroff><on_reboot>${reboot}</on_reboot><on_crash>${crash}</on_crash>`,
          devices,
        }),
        '-action',
      )[0]
    const panic = `<panic model='isa'/>`
    assert.equal(action('destroy', 'restart', 'destroy'), undefined)
    assert.equal(action('destroy', 'destroy', 'restart'), 'reboot=shutdown')
    assert.equal(
      action('preserve', 'preserve', 'preserve', panic),
      'reboot=shutdown,shutdown=pause,panic=pause',
    )
    assert.throws(() => action('destroy', 'restart', 'restart', panic), { code: 'XML_UNSUPPORTED' })
    assert.throws(() => action('destroy', 'preserve', 'destroy'), { code: 'XML_UNSUPPORTED' })
  })

  test('sets the clock by the given current time', () => {
    const rtc = (clock: string): unknown =>
      values(build({ top: clock }, { now: new Date('2026-01-02T03:04:05Z') }), '-rtc')[0]
    assert.equal(rtc(`<clock offset='variable' adjustment='-3600'/>`), 'base=2026-01-02T02:04:05')
    assert.equal(rtc(`<clock offset='absolute' start='86400'/>`), 'base=1970-01-02T00:00:00')
    const zone = `<clock offset='timezone' timezone='Europe/Berlin'/>`
    assert.equal(rtc(zone), 'base=localtime')
    assert.deepEqual(clockEnvironment(domain({ top: zone })), { TZ: 'Europe/Berlin' })
  })

  test('throws XML_INVALID for a domain that was not normalised', () => {
    const text = `<domain type='qemu'><name>x</name><uuid>11111111-2222-3333-4444-000000000072</uuid><memory>65536</memory>
<os><type machine='pc'>hvm</type></os><devices><rng model='virtio'><backend model='random'/></rng></devices></domain>`
    const raw = readDomain(parseDomainXml(text)).domain
    assert.throws(() => buildCommandLine(raw, USUAL), {
      code: 'XML_INVALID',
      message: /\/domain\/devices\/rng \(line 2\): the device has no address/,
    })
  })

  test('throws QEMU_LACKS_FEATURE for a QEMU without JSON devices', () => {
    assert.throws(() => build({}, { qemuVersion: { major: 6, minor: 1, micro: 0 } }), {
      code: 'QEMU_LACKS_FEATURE',
    })
  })
})
