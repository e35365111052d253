"""Names of the columns of every table on disk, once for all that read or write them."""

__all__ = [
    "ACC",
    "ANGLE",
    "ANGLE_SOURCE",
    "CONFIDENCE",
    "CURVE_COLUMNS",
    "EMG",
    "FORCE",
    "GYR",
    "HEALTHY",
    "IMU_COLUMNS",
    "MOMENT",
    "OPTIONAL_COLUMNS",
    "RESISTANCE",
    "SD",
    "SERIES_COLUMNS",
    "STRETCH",
    "STRETCH_INDEX",
    "TIME",
    "VELOCITY",
    "X_PX",
    "Y_PX",
]

TIME = "time_s"
ACC = ("acc_x_m_s2", "acc_y_m_s2", "acc_z_m_s2")
GYR = ("gyr_x_rad_s", "gyr_y_rad_s", "gyr_z_rad_s")
FORCE = "force_N"
MOMENT = "moment_Nm"
ANGLE = "angle_deg"
EMG = "emg_V"

IMU_COLUMNS = (TIME, *ACC, *GYR)
OPTIONAL_COLUMNS = (MOMENT,)
"""Columns that a stream may leave out; a column that is spelled nearly like one is refused, not passed over."""

ANGLE_SOURCE = "source"
SD = "sd_deg"
VELOCITY = "velocity_deg_s"
SERIES_COLUMNS = (TIME, ANGLE, SD, VELOCITY)

STRETCH_INDEX = "stretch_index"
STRETCH = "stretch_deg"
RESISTANCE = "resistance_Nm"
HEALTHY = "healthy_Nm"
CURVE_COLUMNS = (STRETCH_INDEX, STRETCH, RESISTANCE, HEALTHY)

X_PX = "_x_px"
Y_PX = "_y_px"
CONFIDENCE = "_confidence"
"""Endings after the name of a landmark."""
