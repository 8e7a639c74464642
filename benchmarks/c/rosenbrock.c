/* Rosenbrock's valley: one pass, each element's gradient written once. */

double run(const double *const *in, double *const *out)
{
    const double *restrict x = in[0];
    double *restrict dx = out[0];
    double value = 0.0;
    double first = x[1] - x[0] * x[0];
    dx[0] = -400.0 * first * x[0] - 2.0 * (1.0 - x[0]);
    for (int i = 1; i < N - 1; i++) {
        double before = x[i] - x[i - 1] * x[i - 1], here = x[i + 1] - x[i] * x[i];
        double slope = 1.0 - x[i];
        dx[i] = 200.0 * before - 400.0 * here * x[i] - 2.0 * slope;
        value += 100.0 * here * here + slope * slope;
    }
    dx[N - 1] = 200.0 * (x[N - 1] - x[N - 2] * x[N - 2]);
    return value + 100.0 * first * first + (1.0 - x[0]) * (1.0 - x[0]);
}
