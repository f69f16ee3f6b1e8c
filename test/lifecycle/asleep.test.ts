import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { domainInfo, resumeDomain, wakeDomain } from '../../src/index.ts'
import { type LinuxDomain, startLinuxDomain } from '../support/linux-domain.ts'
import { newestQemu, qemus } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'

async function until({ name, stateDir }: LinuxDomain, expected: string): Promise<void> {
  const deadline = performance.now() + 30_000
  for (;;) {
    const { state } = await domainInfo(name, { stateDir })
    if (state === expected) return
    assert.ok(performance.now() < deadline, `${state}, not ${expected}`)
    await delay(50)
  }
}

async function fallAsleep(domain: LinuxDomain): Promise<void> {
  await using console = await domain.console()
  await console.ask('sleep', /^SLEEPING/)
  await until(domain, 'pmsuspended')
}

async function assertAwake(domain: LinuxDomain): Promise<void> {
  await using console = await domain.console()
  await console.waitForLine(/^TICK/)
  await console.ask('uptime', /^UPTIME/)
}

for (const { label, emulator } of newestQemu()) {
  test(
    `a guest that sleeps (ACPI S3) is woken, not resumed, on QEMU ${label}`,
    { timeout: 180_000 },
    async () => {
      await using domain = await startLinuxDomain({ emulator })
      const { name, stateDir } = domain
      await fallAsleep(domain)
      await assert.rejects(resumeDomain(name, { stateDir }), {
        code: 'DOMAIN_WRONG_STATE',
        hint: `\`stasis dompmwakeup ${name}\` wakes it`,
      })
      await until(domain, 'pmsuspended')
      await wakeDomain(name, { stateDir })
      await until(domain, 'running')
      await assertAwake(domain)
      await assert.rejects(wakeDomain(name, { stateDir }), { code: 'DOMAIN_WRONG_STATE' })
    },
  )
}

for (const { label, major, emulator } of qemus()) {
  // QEMU before 9.0 runs the processors of a restored guest that slept.
  const wakes = major < 9
  const what = wakes ? 'is saved with a warning that it will wake' : 'sleeps on over saves'
  test(`a guest that sleeps ${what}, on QEMU ${label}`, { timeout: 180_000 }, async () => {
    await using domain = await startLinuxDomain({ emulator })
    const { name, stateDir, dir } = domain
    const image = dir.join('image')
    await fallAsleep(domain)
    for (const [save, back] of [
      [
        ['save', name, image],
        ['restore', image],
      ],
      [
        ['managedsave', name],
        ['start', name],
      ],
    ] as const) {
      const { exitCode, stderr } = await stasis(stateDir, ...save)
      assert.equal(exitCode, 0, stderr)
      assert.equal(/warning: The guest sleeps .* will wake/.test(stderr), wakes, stderr)
      const restored = await stasis(stateDir, ...back)
      assert.equal(restored.exitCode, 0, restored.stderr)
      await until(domain, wakes ? 'running' : 'pmsuspended')
      if (wakes) return
    }
    await wakeDomain(name, { stateDir })
    await until(domain, 'running')
    await assertAwake(domain)
  })
}
