import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCookieCpu } from '../../qemu/domain-xml/model/board/cpu.ts'
import { checkCpu } from './cpu.ts'

const cpu = readCookieCpu(`<cookie><cpu mode='custom' match='exact' check='full'>
  <model fallback='forbid'>Skylake-Client</model>
  <feature policy='require' name='lahf_lm'/>
  <feature policy='require' name='vmx-invvpid-single-context-noglobals'/><feature policy='disable' name='hle'/>
</cpu></cookie>`)

function outcome(missing: readonly string[]): readonly string[] {
  return checkCpu(cpu, missing, { fromCookie: true }).map(
    ({ severity, text }) => `${severity}: ${text}`,
  )
}

test('checkCpu() reports that no feature is missing', () => {
  assert.deepEqual(outcome([]), ['ok: This host has all features of the processor Skylake-Client'])
})

test('checkCpu() reports a missing feature as an error when the image names it', () => {
  assert.deepEqual(outcome(['lahf-lm', 'vmx-invept-single-context-noglobals', 'avx2']), [
    "error: The guest's processor has features that this host lacks: lahf-lm, vmx-invept-single-context-noglobals",
    'warning: The model Skylake-Client has features that this host lacks: avx2',
  ])
})

test('checkCpu() explains a missing feature when the image has no cookie', () => {
  const [finding] = checkCpu(undefined, ['svm'], { fromCookie: false })
  assert.equal(finding?.severity, 'warning')
  assert.match(finding?.hint ?? '', /saving host/)
})
