import { type Method, propose } from './method.ts'

/** The whole network on the initiator. */
export const local: Method = {
  name: 'local',
  about: 'the whole network on the initiator',
  propose: (search) => propose(search.single(0)),
}
