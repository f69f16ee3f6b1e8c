import type { BlockCounters } from '../domain/statistics/block-devices.ts'
import { type BlockInfo, blockInfo } from '../domain/statistics/block-info.ts'
import { blockStatistics, interfaceStatistics } from '../domain/statistics/device-statistics.ts'
import { type StatisticsOptions, domainStatistics } from '../domain/statistics/domain-statistics.ts'
import { memoryStatistics } from '../domain/statistics/memory-statistics.ts'
import { type ProcessorInfo, processorInfo } from '../domain/statistics/processor-statistics.ts'
import type { Directories } from '../domain/store/directories.ts'
import type { DomainOptions } from '../domain/store/domain-options.ts'
import type { DeviceTraffic } from '../qemu/process/tap-devices.ts'
import type { HandleOptions } from './handle-options.ts'

/**
 * Statistics of a domain: `Domain.statistics`. Every method throws `DomainError` DOMAIN_NOT_FOUND if the domain no longer exists, and DOMAIN_BUSY if its QEMU does not answer.
 * @example
 * const { 'cpu.time': nanoseconds } = await web.statistics.all({ groups: ['cpu-total'] })
 */
export class DomainMeasures {
  readonly #name: string
  readonly #directories: Directories

  /** @internal */
  constructor(name: string, directories: Directories) {
    this.#name = name
    this.#directories = directories
  }

  /**
   * Everything, under libvirt's names (`domstats`).
   * @example
   * const fields = await web.statistics.all({ groups: ['block'] })
   */
  async all(
    options: HandleOptions<StatisticsOptions> = {},
  ): Promise<Readonly<Record<string, number | string>>> {
    const [found] = await domainStatistics([this.#name], this.#bound(options))
    return found?.fields ?? {}
  }

  /**
   * Its memory, in KiB under virsh's names (`dommemstat`).
   * @throws DomainError DOMAIN_NOT_RUNNING
   * @example
   * const { actual, rss } = await web.statistics.memory()
   */
  memory(options: HandleOptions<DomainOptions> = {}): Promise<Readonly<Record<string, number>>> {
    return memoryStatistics(this.#name, this.#bound(options))
  }

  /**
   * The sizes of its disks (`domblkinfo`).
   * @example
   * for (const { target, capacityBytes } of await web.statistics.diskSizes()) console.log(target, capacityBytes)
   */
  diskSizes(options: HandleOptions<DomainOptions> = {}): Promise<readonly BlockInfo[]> {
    return blockInfo(this.#name, this.#bound(options))
  }

  /**
   * Its reads and writes on one disk, or on all its disks together (`domblkstat`).
   * @throws DomainError DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE if it has no such disk
   * @example
   * const { rd_bytes } = await web.statistics.disk('vda')
   */
  disk(device?: string, options: HandleOptions<DomainOptions> = {}): Promise<BlockCounters> {
    return blockStatistics(this.#name, device, this.#bound(options))
  }

  /**
   * The traffic of a network card (`domifstat`).
   * @throws DomainError DOMAIN_NOT_RUNNING, DOMAIN_WRONG_STATE if it has no such card, or the card has no device on this host
   * @example
   * const { rxBytes } = await web.statistics.networkCard('52:54:00:12:34:56')
   */
  networkCard(card: string, options: HandleOptions<DomainOptions> = {}): Promise<DeviceTraffic> {
    return interfaceStatistics(this.#name, card, this.#bound(options))
  }

  /**
   * Its processors (`vcpuinfo`).
   * @example
   * for (const { number, timeNs } of await web.statistics.processors()) console.log(number, timeNs)
   */
  processors(options: HandleOptions<DomainOptions> = {}): Promise<readonly ProcessorInfo[]> {
    return processorInfo(this.#name, this.#bound(options))
  }

  #bound<Options>(options: Options): Options & Directories {
    return { ...options, ...this.#directories }
  }
}
