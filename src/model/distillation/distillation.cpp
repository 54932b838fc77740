// SPDX-License-Identifier: Apache-2.0
#include "model/distillation/distillation.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>

#include "model/sampling/guided_denoiser.h"

namespace spinfill {

void DistillConfig::bind(Fields& f) {
  f.text("teacher", teacher, "Folder of the teacher, a run (its best averaged weights) or a bundle; kept in the run");
  f.number("teacher_steps", teacher_steps, "The teacher's steps of dpmpp-2m for one of the student's", 2, 1000);
  f.number("guidance", guidance, "Classifier-free guidance scale of the teacher, 1: none", 0, 20);
}

namespace {

// The lowest level that the model itself is sampled at.
double lowest_level(const ModelConfig& model, SamplerConfig sampler) {
  sampler.sigma_min = 0;
  sampler.steps = 3;
  const std::vector<double> sigmas = noise_schedule(model, sampler).sigmas;
  return sigmas[sigmas.size() - 2];
}

}  // namespace

DistillSchedule distill_schedule(const ModelConfig& model, const SamplerConfig& student, std::int64_t teacher_steps) {
  DistillSchedule schedule{noise_schedule(model, student), {}};
  const std::vector<double>& sigmas = schedule.student.sigmas;
  for (std::size_t i = 0; i + 1 < sigmas.size(); ++i) {
    if (sigmas[i + 1] == 0) {
      const double low = std::min(lowest_level(model, student), sigmas[i]);
      schedule.teacher.push_back(karras_sigmas(teacher_steps, low, sigmas[i], student.rho));
      continue;
    }
    schedule.teacher.push_back(karras_sigmas(teacher_steps + 1, sigmas[i + 1], sigmas[i], student.rho));
    schedule.teacher.back().pop_back();  // the 0
  }
  return schedule;
}

SamplerConfig teacher_sampler(const ModelConfig& model, const SamplerConfig& student, const DistillConfig& config) {
  const NoiseSchedule schedule = noise_schedule(model, student);
  SamplerConfig sampler = student;
  sampler.solver = Solver::dpmpp_2m;
  sampler.sigma_min = 0;
  sampler.guidance = config.guidance;
  sampler.steps = (std::ssize(schedule.sigmas) - 1) * config.teacher_steps + (schedule.regression ? 1 : 0);
  return sampler;
}

std::string unfit_for_student(const ModelConfig& model, const SamplerConfig& student) {
  const NoiseSchedule schedule = noise_schedule(model, student);
  if (model.corrects_prior() && schedule.sigmas.front() >= model.sigma_max)
    return "sampler.steps: the first evaluation of a prior-residual model is its regression, which knows no noise: "
           "give 2 or more";
  const std::size_t levels = schedule.sigmas.size() - 1;
  if (levels == 1) return "";
  if (student.solver != Solver::euler)
    return fmt::format("sampler.solver: a student's steps are Euler's, not those of {}: set euler",
                       name_of(student.solver));
  if (schedule.sigmas[levels - 1] > 1.01 * lowest_level(model, student)) return "";
  SamplerConfig finer = student;
  ++finer.steps;
  return fmt::format(
      "sampler.sigma_min: the student's last step would begin at {:.3g}, where its teacher's does and nothing is left "
      "to gain: set a higher level, such as {:.2g}",
      schedule.sigmas[levels - 1], noise_schedule(model, finer).sigmas[levels - 1]);
}

std::vector<at::Tensor> teacher_points(at::Tensor x, const DistillSchedule& schedule, const DenoiseFunction& teacher) {
  std::vector<at::Tensor> points;
  for (const std::vector<double>& sigmas : schedule.teacher) {
    x = sample_dpmpp_2m(x, sigmas, teacher);
    points.push_back(x);
  }
  return points;
}

at::Tensor denoised_to_reach(const at::Tensor& point, const at::Tensor& x, double sigma, double next) {
  // point = D + (σ'/σ)·(x − D)
  return next == 0 ? point : (point - x * (next / sigma)) / (1 - next / sigma);
}

Teacher::Teacher(const Denoiser& denoiser, const SamplerConfig& student, const DistillConfig& config)
    : denoiser_(denoiser),
      schedule_(distill_schedule(denoiser.config(), student, config.teacher_steps)),
      guidance_(config.guidance) {
  for (const auto& [name, parameter] : denoiser_.parameters()) at::Tensor(parameter).set_requires_grad(false);
}

Teacher::Path Teacher::path(const Batch& batch, const Arrangement& arrangement, const at::Tensor& noise) const {
  const at::NoGradGuard no_grad;
  GuidedDenoiser guided(denoiser_, batch, arrangement, {guidance_, guidance_});
  Path path;
  at::Tensor x = noise * schedule_.student.sigmas.front();
  if (schedule_.student.regression) {
    const ViewLayout& layout = arrangement.layout;
    std::vector<std::int64_t> one_draw = noise.sizes().vec();
    one_draw.front() = layout.targets;
    path.regression = guided(at::zeros(one_draw, noise.options()), denoiser_.config().sigma_max);
    x = x + layout.repeat_draws(path.regression, layout.draws_of(noise));
  }
  path.points =
      teacher_points(x, schedule_, [&](const at::Tensor& at_level, double sigma) { return guided(at_level, sigma); });
  return path;
}

TrainingLoss distillation_loss(const Denoiser& student, const Teacher& teacher, const Batch& batch,
                               const LossOptions& options, std::uint64_t seed) {
  const TrainingDraw drawn = draw_training(student, batch, options, seed);
  const at::Tensor& noise = drawn.noise.noise;
  const auto& [regression, sigmas] = teacher.schedule().student;
  const Teacher::Path path = teacher.path(batch, drawn.arrangement, noise);

  const Conditioning conditioning = student.condition(batch, drawn.arrangement);
  const ReferenceCache cache = student.encode_references(conditioning);
  const ViewLayout& layout = conditioning.layout;
  const at::Tensor alpha = take_views(batch.alpha, layout.target_rows);
  const at::Tensor pixel_weight = student.autoencoder().pixel_weights(1 + (options.foreground_weight - 1) * alpha);
  TrainingLoss loss{at::zeros({}, noise.options()), 0, at::zeros({}, noise.options())};
  // The student's D at one level, compared with what it should be.
  const auto learn = [&](const at::Tensor& x, double sigma, const at::Tensor& wanted) {
    const at::Tensor levels = at::full({x.size(0)}, sigma, x.options());
    const at::Tensor d = student.denoise(x, levels, conditioning, cache);
    const at::Tensor squared = (d - wanted).square();
    const at::Tensor weight = student.loss_weight(levels, conditioning).view({-1, 1, 1, 1}) *
                              layout.repeat_draws(pixel_weight, layout.draws_of(x));
    loss.sum = loss.sum + (pseudo_huber(squared, options.huber) * weight).sum();
    loss.squared_error = loss.squared_error + squared.detach().sum();
    loss.count += squared.numel();
    return d.detach();
  };

  // As the student is sampled (generate.h), each step with the teacher's answer beside it.
  at::Tensor x = noise * sigmas.front();
  if (regression) {
    const at::Tensor mean = learn(at::zeros_like(path.regression), student.config().sigma_max, path.regression);
    x = x + layout.repeat_draws(mean, options.draws);
  }
  for (std::size_t i = 0; i + 1 < sigmas.size(); ++i) {
    const at::Tensor wanted = denoised_to_reach(path.points[i], x, sigmas[i], sigmas[i + 1]);
    x = euler_step(x, learn(x, sigmas[i], wanted), sigmas[i], sigmas[i + 1]);
  }
  return loss;
}

TrainingLoss loss_of_step(const Denoiser& denoiser, const Teacher* teacher, const Batch& batch,
                          const LossOptions& options, std::uint64_t seed, const PerceptualDistance& perceptual) {
  return teacher != nullptr ? distillation_loss(denoiser, *teacher, batch, options, seed)
                            : training_loss(denoiser, batch, options, seed, perceptual);
}

}  // namespace spinfill
