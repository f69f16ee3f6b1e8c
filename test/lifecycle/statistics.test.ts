import assert from 'node:assert/strict'
import { cpus } from 'node:os'
import { test } from 'node:test'
import { Stasis } from '../../src/index.ts'
import { stasis } from '../support/stasis-command.ts'
import { newestQemu } from '../support/qemus.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

for (const { label, emulator } of newestQemu()) {
  test(`statistics and monitor commands, on QEMU ${label}`, async () => {
    await using tiny = await startTinyDomain({ emulator, started: false })
    const { stateDir } = tiny
    const run = async (exitCode: number, ...args: readonly string[]): Promise<string> => {
      const result = await stasis(stateDir, ...args)
      assert.equal(result.exitCode, exitCode, `${args.join(' ')}: ${result.stderr}`)
      return (exitCode === 0 ? result.stdout : result.stderr).trimEnd()
    }
    const says = (line: string): Promise<string> => run(0, ...line.split(' '))
    const fails = (line: string): Promise<string> => run(3, ...line.split(' '))
    const fieldsOf = (text: string): Readonly<Record<string, string>> =>
      Object.fromEntries(
        [...text.matchAll(/^ {2}(\S+?)=(.*)$/gm)].map(([, name, value]) => [name, value]),
      )
    const web = await new Stasis({ stateDir }).domain('tiny')

    // Off: what the definition and the files say.
    const off = fieldsOf(await says('domstats tiny'))
    assert.equal(off['state.state'], '5')
    assert.equal(off['vcpu.maximum'], '1')
    assert.equal(off['balloon.maximum'], '16384')
    assert.equal(off['block.0.capacity'], '1048576')
    assert.match(await says('domblkinfo tiny vda'), /^Capacity: {7}1048576\nAllocation: {5}\d+\n/)
    assert.match(await says('domblkinfo tiny vda --human'), /^Capacity: {7}1\.000 MiB\n/)
    assert.match(await fails('domblkinfo tiny zzz'), /has no disk 'zzz'/)
    assert.match(await run(2, 'domblkinfo', 'tiny'), /--all/)
    assert.equal(
      await says('vcpucount tiny'),
      'maximum      config         1\ncurrent      config         1',
    )
    assert.match(await says('vcpuinfo tiny'), /^VCPU: {11}0\nCPU: {12}N\/A\n/)
    for (const line of [
      'dommemstat tiny',
      'domblkstat tiny',
      'domcontrol tiny',
      'vcpucount tiny --live',
    ])
      assert.match(await fails(line), /is not running/)
    assert.match(await fails('qemu-monitor-command tiny query-status'), /is not running/)

    await web.start()
    await tiny.log.advance(1)
    const live = fieldsOf(await says('domstats tiny'))
    assert.equal(live['state.state'], '1')
    assert.ok(Number(live['cpu.time']) > 0)
    assert.equal(live['balloon.current'], '16384')
    assert.ok(Number(live['balloon.rss']) > 0)
    assert.ok(Number(live['vcpu.0.time']) > 0)
    assert.equal(live['net.count'], '1')
    assert.equal(live['block.0.name'], 'vda')
    assert.ok(Number(live['block.0.rd.reqs']) > 0)
    assert.equal(live['block.0.capacity'], '1048576')
    assert.deepEqual(
      Object.keys(fieldsOf(await says('domstats --state --vcpu --list-running'))).slice(0, 4),
      ['state.state', 'state.reason', 'vcpu.current', 'vcpu.maximum'],
    )
    assert.equal(await says('domstats --list-inactive'), '')
    assert.equal(await says('domstats tiny --perf'), "Domain: 'tiny'")
    const all = await web.statistics.all({ groups: ['cpu-total'] })
    assert.deepEqual(Object.keys(all), ['cpu.time', 'cpu.user', 'cpu.system'])

    assert.match(await says('dommemstat tiny'), /^actual 16384\n(?:.*\n)*rss \d+$/)
    const counted = await says('domblkstat tiny vda')
    assert.match(counted, /^vda rd_req [1-9]\d*\nvda rd_bytes [1-9]\d*\nvda wr_req 0\n/)
    assert.match(
      await says('domblkstat tiny --human'),
      /^Device: \n number of read operations: {6}\d+\n/,
    )
    assert.match(await says('domblkinfo tiny --all'), /\n vda {6}1048576 {4}\d+ +\d+$/)
    assert.match(await fails('domifstat tiny 52:54:00:12:34:57'), /no device on this host/)
    assert.match(await fails('domifstat tiny vnet9'), /has no network card/)
    assert.equal(await says('vcpucount tiny --live'), '1')
    const info = await says('vcpuinfo tiny --pretty')
    assert.match(info, /^VCPU: {11}0\nCPU: {12}\d+\nState: {10}running\nCPU time: {7}\d/)
    assert.match(info, new RegExp(`out of ${cpus().length}\\)$`))
    assert.equal(await says('domcontrol tiny'), 'ok')

    // The monitor.
    const query = '{"execute":"query-status"}'
    const reply = JSON.parse(await run(0, 'qemu-monitor-command', 'tiny', query)) as {
      readonly return: { readonly status: string }
    }
    assert.equal(reply.return.status, 'running')
    const value = await run(0, 'qemu-monitor-command', 'tiny', query, '--return-value', '--pretty')
    assert.match(value, /^\{\n {2}"status": "running",\n/)
    assert.equal(await says('qemu-monitor-command tiny --hmp info status'), 'VM status: running')
    assert.match(await says('qemu-monitor-command tiny no-such'), /"class":"CommandNotFound"/)
    assert.match(
      await run(6, 'qemu-monitor-command', 'tiny', 'no-such', '--return-value'),
      /has not been found/,
    )
    await run(2, 'qemu-monitor-command', 'tiny', 'query-status', 'nonsense')
    const got = await run(
      0,
      ...['qemu-monitor-command', 'tiny', 'qom-get'],
      '"path":"/machine","property":"type"',
    )
    assert.match(got, /^\{"return":"pc-q35-/)
    assert.deepEqual(await web.machine.command({ execute: 'no-such' }), {
      error: { class: 'CommandNotFound', desc: 'The command no-such has not been found' },
    })
    // It has no channel for an agent.
    for (const verb of ['domtime', 'domhostname', 'domifaddr'])
      assert.match(await fails(`${verb} tiny`), /has no channel for a guest agent/)
    await assert.rejects(web.guest.time(), { code: 'DOMAIN_WRONG_STATE' })
    assert.match(await run(2, 'domifaddr', 'tiny', '--source', 'lease'), /agent or arp/)
  })
}
