import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { build, domain, made, values } from '../../../../test/support/command-line.ts'
import { memoryBackends } from './memory.ts'
import type { CommandLineOptions } from '../options.ts'

suite('buildCommandLine()', () => {
  test('puts RAM into the given files, always under the id that images name', () => {
    const ram = (top: string, options: Partial<CommandLineOptions> = {}): unknown =>
      values(build({ top }, options), '-object').map((text) => JSON.parse(text) as unknown)[0]
    const size = 64 * 1024 * 1024
    const plain = { 'x-use-canonical-path-for-ramblock-id': false }
    assert.deepEqual(ram(''), { 'qom-type': 'memory-backend-ram', id: 'pc.ram', size })
    assert.deepEqual(ram(`<memoryBacking><access mode='shared'/></memoryBacking>`), {
      'qom-type': 'memory-backend-memfd',
      id: 'pc.ram',
      share: true,
      ...plain,
      size,
    })
    const huge = `<memoryBacking><hugepages><page size='2' unit='MiB'/></hugepages></memoryBacking>`
    assert.deepEqual(ram(huge), {
      'qom-type': 'memory-backend-memfd',
      id: 'pc.ram',
      hugetlb: true,
      hugetlbsize: 2 * 1024 * 1024,
      share: false,
      ...plain,
      prealloc: true,
      size,
    })
    const file = { path: '/ram', share: false, offset: 4096, readonly: true }
    const memoryFiles = new Map([['pc.ram', file]])
    const ten = { major: 10, minor: 0, micro: 2 }
    assert.deepEqual(ram('', { memoryFiles, qemuVersion: ten }), {
      'qom-type': 'memory-backend-file',
      id: 'pc.ram',
      'mem-path': '/ram',
      share: false,
      offset: 4096,
      readonly: true,
      rom: 'off',
      ...plain,
      size,
    })
    assert.throws(() => ram('', { memoryFiles }), {
      code: 'QEMU_LACKS_FEATURE',
      message: /QEMU 7\.2\.0 .*QEMU 8\.1/,
    })
  })

  test('gives NUMA cells RAM of their own, except on machine types that divide one block', () => {
    const top = `<vcpu>2</vcpu><cpu><numa><cell cpus='0' memory='32' unit='MiB'/><cell cpus='1' memory='32' unit='MiB'/></numa></cpu>`
    assert.deepEqual(
      memoryBackends(domain({ top })).map((one) => one.id),
      ['ram-node0', 'ram-node1'],
    )
    const old = { top, machine: 'pc-i440fx-5.0' }
    assert.deepEqual(
      memoryBackends(domain(old)).map((one) => one.id),
      ['pc.ram'],
    )
    assert.deepEqual(values(build(old), '-numa'), [
      'node,nodeid=0,cpus=0,mem=32',
      'node,nodeid=1,cpus=1,mem=32',
    ])
    const twice = top.replace("cpus='1'", "cpus='0'")
    assert.throws(() => build({ top: twice }), { code: 'XML_INVALID', message: /two cells/ })
  })

  test('gives modules and devices memory of their own, after that of the cells', () => {
    const target = (size: number, rest = ''): string =>
      `<target><size unit='MiB'>${size}</size>${rest}</target>`
    const devices = `<memory model='dimm'>${target(4)}</memory>
      <memory model='dimm'>${target(3)}<address type='dimm' slot='0' base='0x100000000'/></memory>
      <memory model='nvdimm' access='shared'><source><path>/nv</path></source>${target(2, "<label><size unit='KiB'>128</size></label>")}</memory>
      <memory model='virtio-mem'>${target(8, "<block unit='MiB'>2</block><requested unit='MiB'>4</requested>")}</memory>`
    const top = `<maxMemory unit='MiB' slots='4'>1024</maxMemory><vcpu>2</vcpu>`
    const argv = build({ top, devices })
    assert.deepEqual(values(argv, '-m'), ['size=47104k,slots=4,maxmem=1048576k'])
    assert.deepEqual(values(argv, '-numa'), ['node,nodeid=0,cpus=0-1,memdev=ram-node0'])
    assert.match(values(argv, '-machine')[0] ?? '', /,nvdimm=on/)
    assert.deepEqual(
      memoryBackends(domain({ top, devices })).map(
        ({ id, sizeBytes }) => `${id} ${sizeBytes / 1024 / 1024}`,
      ),
      ['ram-node0 46', 'memdimm1 4', 'memdimm0 4', 'memnvdimm2 2', 'memvirtiomem0 8'],
    )
    assert.deepEqual(
      made(argv, 'pc-dimm').map((one) => [one['id'], one['slot'], one['addr'], one['node']]),
      [
        ['dimm1', 1, undefined, 0],
        ['dimm0', 0, 4294967296, 0],
      ],
    )
    const file = made(argv, 'memory-backend-file')[0]
    assert.deepEqual([file?.['mem-path'], file?.['share'], file?.['prealloc']], ['/nv', true, true])
    assert.equal(made(argv, 'nvdimm')[0]?.['label-size'], 128 * 1024)
    const virtio = made(argv, 'virtio-mem-pci')[0]
    assert.deepEqual([virtio?.['block-size'], virtio?.['requested-size']], [2097152, 4194304])
    const refused = { code: 'XML_INVALID' }
    assert.throws(() => build({ top: top.replace("slots='4'", "slots='2'"), devices }), refused)
    assert.throws(() => build({ devices }), refused)
    const elsewhere = devices.replace('</size>', '</size><node>7</node>')
    assert.throws(() => build({ top, devices: elsewhere }), { ...refused, message: /cell 7/ })
  })

  test('binds memory to nodes of the host, and leaves out those that it does not have', () => {
    const cells = `<vcpu>2</vcpu><cpu><numa><cell cpus='0' memory='32' unit='MiB'/><cell cpus='1' memory='32' unit='MiB'/></numa></cpu>`
    const bound = (top: string, hostNodes?: ReadonlySet<number>): unknown =>
      values(build({ top }, { hostNodes }), '-object')
        .map((text) => JSON.parse(text) as Record<string, unknown>)
        .map((one) => [one['host-nodes'], one['policy']])
    const tune = (inner: string): string => `<numatune>${inner}</numatune>`
    const all = tune(`<memory mode='interleave' nodeset='0-1'/>`)
    assert.deepEqual(bound(all), [[[0, 1], 'interleave']])
    assert.deepEqual(bound(all, new Set([1])), [[[1], 'interleave']])
    assert.deepEqual(bound(all, new Set([2])), [[undefined, undefined]])
    assert.deepEqual(bound(tune(`<memory mode='restrictive' nodeset='0'/>`)), [
      [undefined, undefined],
    ])
    const single = `<memory nodeset='0'/><memnode cellid='1' mode='preferred' nodeset='3'/>`
    assert.deepEqual(bound(cells + tune(single)), [
      [[0], 'bind'],
      [[3], 'preferred'],
    ])
  })

  test('gives NUMA cells huge pages of their own sizes', () => {
    const cells = `<vcpu>2</vcpu><cpu><numa><cell cpus='0' memory='32' unit='MiB'/><cell cpus='1' memory='32' unit='MiB'/></numa></cpu>`
    const pages = (inner: string): string =>
      `${cells}<memoryBacking><hugepages>${inner}</hugepages></memoryBacking>`
    const sizes = (top: string): unknown =>
      values(build({ top }), '-object')
        .map((text) => JSON.parse(text) as Record<string, unknown>)
        .map((one) => one['hugetlbsize'])
    const large = `<page size='1' unit='GiB' nodeset='1'/>`
    assert.deepEqual(sizes(pages(`<page size='2' unit='MiB'/>${large}`)), [2097152, 1073741824])
    assert.deepEqual(sizes(pages(large)), [undefined, 1073741824])
    const missing = large.replace("'1'/>", "'2'/>")
    assert.throws(() => sizes(pages(missing)), { code: 'XML_INVALID', message: /cell 2/ })
  })

  test('describes how fast memory is, and frees it after the end of QEMU where QEMU can', () => {
    const cache = `<cache level='1' associativity='full' policy='writeback'><size value='10' unit='KiB'/><line value='8' unit='B'/></cache>`
    const links = `<latency initiator='0' target='1' type='access' value='5'/><bandwidth initiator='0' target='1' cache='1' type='read' value='4' unit='MiB'/>`
    const cells = `<cell id='0' cpus='0' memory='32' unit='MiB'>${cache}</cell><cell id='1' memory='32' unit='MiB'/>`
    const top = `<cpu><numa>${cells}<interconnects>${links}</interconnects></numa></cpu><features><async-teardown enabled='yes'/></features>`
    const argv = build({ top })
    assert.match(values(argv, '-machine')[0] ?? '', /,hmat=on/)
    assert.deepEqual(values(argv, '-numa'), [
      'node,nodeid=0,cpus=0,initiator=0,memdev=ram-node0',
      'node,nodeid=1,initiator=0,memdev=ram-node1',
      'hmat-lb,initiator=0,target=1,hierarchy=memory,data-type=access-latency,latency=5',
      'hmat-lb,initiator=0,target=1,hierarchy=first-level,data-type=read-bandwidth,bandwidth=4096K',
      'hmat-cache,node-id=0,size=10K,level=1,associativity=complex,policy=write-back,line=8',
    ])
    assert.deepEqual(values(argv, '-run-with'), [])
    const qemuVersion = { major: 10, minor: 0, micro: 0 }
    assert.deepEqual(values(build({ top }, { qemuVersion }), '-run-with'), ['async-teardown=on'])
  })
})
