export { judgeOwnKind, type OwnKindQuestion, type OwnKindStage } from './judge-own-kind.ts';
