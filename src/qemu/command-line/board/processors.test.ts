import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { build, values } from '../../../../test/support/command-line.ts'
import type { CommandLineOptions } from '../options.ts'

suite('buildCommandLine()', () => {
  test('selects the processor by mode and accelerator', () => {
    const cpu = (top: string, type = 'kvm', options: Partial<CommandLineOptions> = {}): unknown =>
      values(build({ top, type }, options), '-cpu')[0]
    assert.equal(cpu(`<cpu mode='host-passthrough'/>`), 'host,migratable=on')
    assert.equal(cpu(`<cpu mode='host-passthrough'/>`, 'qemu'), 'max,migratable=on')
    assert.equal(cpu(`<cpu mode='host-model'/>`), 'host')
    assert.equal(cpu(`<cpu mode='host-model'/>`, 'kvm', { accelerator: 'tcg' }), 'max')
    assert.equal(cpu(`<cpu mode='maximum'/>`), 'max')
    assert.equal(
      cpu(
        `<cpu mode='custom'><model vendor_id='GenuineIntel'>Skylake-Client</model><feature policy='disable' name='mpx'/>
        <feature policy='optional' name='x2apic'/><feature policy='force' name='pclmuldq'/><cache level='3' mode='emulate'/></cpu>`,
      ),
      'Skylake-Client,vendor=GenuineIntel,mpx=off,pclmulqdq=on,l3-cache=on',
    )
  })

  test('adds timers, Hyper-V and KVM features to the processor', () => {
    const top = `<features><acpi/><apic eoi='on'/><hyperv><relaxed state='on'/><spinlocks state='on' retries='8191'/><stimer state='on'><direct state='on'/></stimer>
      <vendor_id state='on' value='us'/>
      <tlbflush state='on'><direct state='on'/><extended state='on'/></tlbflush><ipi state='off'/></hyperv><kvm><hidden state='on'/><pv-ipi state='off'/></kvm><pmu state='off'/></features>
      <clock offset='utc'><timer name='kvmclock' present='no'/><timer name='hypervclock' present='yes'/><timer name='tsc' frequency='3000000000'/></clock>`
    assert.equal(
      values(build({ top }), '-cpu')[0],
      'qemu64,kvmclock=off,hv-time=on,tsc-frequency=3000000000,kvm-pv-eoi=on,hv-relaxed=on,hv-spinlocks=0x1fff,hv-stimer=on,' +
        'hv-stimer-direct=on,hv-vendor-id=us,hv-tlbflush=on,hv-tlbflush-direct=on,hv-tlbflush-ext=on,kvm=off,kvm-pv-ipi=off,pmu=off',
    )
    const sly = `<features><hyperv><vendor_id state='on' value='x,kvm=off'/></hyperv></features>`
    assert.throws(() => build({ top: sly }), { code: 'XML_INVALID' })
  })

  test('turns ACPI off unless the XML has it, as libvirt does', () => {
    assert.match(values(build({}), '-machine')[0] ?? '', /,acpi=off$/)
    const top = '<features><acpi/></features>'
    assert.match(values(build({ top }), '-machine')[0] ?? '', /,acpi=on$/)
  })

  test('refuses a topology that does not multiply to the number of processors', () => {
    const topology = `<topology sockets='2' cores='2' threads='2'/>`
    const top = (vcpus: number): string => `<vcpu current='1'>${vcpus}</vcpu><cpu>${topology}</cpu>`
    assert.deepEqual(values(build({ top: top(8) }), '-smp'), [
      '1,maxcpus=8,sockets=2,cores=2,threads=2',
    ])
    assert.throws(() => build({ top: top(4) }), { code: 'XML_INVALID', message: /describes 8/ })
  })
})
