import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { CpuFeature } from '../../domain-xml/model/board/cpu.ts'
import { featureParts, qemuFeatureName } from './cpu-features.ts'
import type { CommandLineOptions } from '../options.ts'

const options: CommandLineOptions = {
  qemuVersion: { major: 7, minor: 2, micro: 0 },
  monitors: [],
  incoming: false,
}

function features(policy: CpuFeature['policy'], ...names: readonly string[]): CpuFeature[] {
  return names.map((name) => ({ name, policy }))
}

test("qemuFeatureName() knows QEMU's misspelling and its hyphens", () => {
  const noGlobals = 'vmx-invvpid-single-context-noglobals'
  assert.equal(qemuFeatureName(noGlobals), 'vmx-invept-single-context-noglobals')
  assert.equal(qemuFeatureName('pclmuldq'), 'pclmulqdq')
  assert.equal(qemuFeatureName('kvm_pv_eoi'), 'kvm-pv-eoi')
  assert.equal(qemuFeatureName('cmt'), undefined)
})

suite('featureParts()', () => {
  test('leaves out features that no QEMU has, whether the guest has them or not', () => {
    const names = ['cmt', 'mbm_total', 'osxsave', 'vmx-ept-uc', 'pconfig']
    assert.deepEqual(featureParts(features('require', ...names, 'avx2'), options), ['avx2=on'])
    assert.deepEqual(featureParts(features('disable', ...names, 'avx2'), options), ['avx2=off'])
  })

  test('leaves out a feature that is off when this QEMU does not have it', () => {
    const known = { ...options, cpuProperties: new Set(['avx2']) }
    assert.deepEqual(featureParts(features('disable', 'avx2', 'vnmi'), known), ['avx2=off'])
    assert.deepEqual(featureParts(features('optional', 'avx2', 'vnmi'), known), [])
  })

  test('throws QEMU_LACKS_FEATURE with every needed feature that this QEMU does not have', () => {
    const known = { ...options, cpuProperties: new Set(['avx2']) }
    assert.throws(() => featureParts(features('require', 'avx2', 'vnmi', 'sm_3'), known), {
      code: 'QEMU_LACKS_FEATURE',
      message: /QEMU 7\.2\.0 .*: vnmi, sm-3$/,
    })
  })
})
