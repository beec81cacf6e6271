// Posts a batch, reads the catalogue and provokes a problem, all with the types made from openapi.yaml.
import { readFileSync } from "node:fs";
import type { components } from "./api.js";

type Schemas = components["schemas"];

const [url, file] = process.argv.slice(2);

async function answer<T>(path: string, body?: unknown): Promise<T> {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(url + path, body === undefined ? {} : { method: "POST", headers, body: JSON.stringify(body) });
  return (await response.json()) as T;
}

const columns = JSON.parse(readFileSync(file, "utf8")) as { labels: number[]; scores: number[] };
const request: Schemas["BinaryReportRequest"] = { ...columns, curves: true, metadata: { client: "typescript" } };
const report = await answer<Schemas["BinaryReport"]>("/v1/binary/report", request);
const calls: Schemas["BinaryReportRequest"] = { labels: ["no"], predictions: ["no"], pos_label: "yes" };
const silent = await answer<Schemas["BinaryReport"]>("/v1/binary/report", calls);
// @ts-expect-error A string is not a number: the types refuse what the service refuses.
const refused: Schemas["BinaryReportRequest"] = { labels: [0], scores: ["0.5"] };
const catalogue = await answer<Schemas["Catalogue"]>("/v1/metrics");
const problem = await answer<Schemas["Problem"]>("/v1/binary/report", { labels: [0, 1], scores: [0.5] });
const second = await answer<Schemas["Problem"]>("/v1/binary/report", refused);

const animals: Schemas["MulticlassReportRequest"] = {
  labels: ["dog", "cat", "cow", "cat"],
  scores: [[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.6, 0.2, 0.2], [0.1, 0.2, 0.7]],
  classes: ["dog", "cat", "cow"],
};
const topics: Schemas["MultilabelReportRequest"] = {
  labels: [["art"], ["art", "law"], []],
  scores: [[0.5, 2], [1, -1], [0, 0]],
  classes: ["art", "law"],
};
const documents: Schemas["RankingReportRequest"] = {
  labels: [0, 1, 2],
  scores: [3, 2, 1],
  queries: ["q", "q", "r"],
  k: [2],
  per_query: true,
};
const intervals: Schemas["RegressionReportRequest"] = {
  labels: [1, 2, 3],
  predictions: [[0, 1, 2], [1, 2, 3], [4, 5, 6]],
  quantiles: [0.25, 0.5, 0.75],
};
const multiclass = await answer<Schemas["MulticlassReport"]>("/v1/multiclass/report", animals);
const multilabel = await answer<Schemas["MultilabelReport"]>("/v1/multilabel/report", topics);
const ranking = await answer<Schemas["RankingReport"]>("/v1/ranking/report", documents);
const regression = await answer<Schemas["RegressionReport"]>("/v1/regression/report", intervals);

const roc = report.curves?.roc;
console.log(
  JSON.stringify({
    samples: report.samples,
    roc_auc: report.metrics.roc_auc,
    true_positives: report.confusion_matrix.tp,
    first_threshold: roc?.thresholds[0],
    last_rate: roc?.tpr.at(-1),
    echoed: report.metadata?.client,
    recall: silent.metrics.recall,
    reason: silent.undefined.recall?.reason,
    metrics: catalogue.metrics.map((metric) => metric.name),
    problem: problem.type,
    refused: second.errors?.[0]?.pointer,
    pointer: problem.errors?.[0]?.pointer,
    matrix: multiclass.confusion_matrix.matrix,
    recalls: Object.fromEntries(multilabel.per_class.map((each) => [each.class, each.recall])),
    no_log_loss: multilabel.undefined.log_loss?.reason,
    ndcg_at_2: ranking.metrics.ndcg_at_2,
    of_queries: ranking.per_query?.map((each) => each.ndcg_at_2),
    coverage: regression.prediction_intervals?.[0]?.coverage,
    pinball_loss_at_0_25: regression.metrics.pinball_loss_at_0_25,
  }),
);
