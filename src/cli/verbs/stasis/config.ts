import { type AllowFlags, declareAllow } from '../../options/allow.ts'
import { type NetworkFlags, declareNetwork } from '../../options/networks.ts'
import { configReport } from '../../reports/config.ts'
import { checkedConfiguration } from '../../../domain/networks/checked-configuration.ts'
import type { Verb } from '../../verb.ts'

/** `config` */
export const verb: Verb<AllowFlags & NetworkFlags> = {
  declare: (command) => declareNetwork(declareAllow(command)),
  looks: true,
  example: 'stasis config',
  run: async (_args, { allow = [], network = {} }, { directories: { metricsFile } }) =>
    configReport(await checkedConfiguration(), { allow, network, metricsFile }),
}
